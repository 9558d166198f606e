/** Signing in with an account elsewhere. */
export const federation = {
  'sign_in.with': 'Continue with {provider}',
  'sign_in.provider_away': '{provider} does not answer at the moment',
  'federation.unavailable': '{provider} does not answer at the moment. Try again later, or sign in another way.',
  'federation.cancelled': 'You have not signed in with {provider}. You can try again, or sign in another way.',
  'federation.refused': '{provider} did not let you sign in. Ask whoever looks after your account there.',
  'federation.failed':
    'Signing in with {provider} did not work. Try again; if it fails again, tell whoever runs this site.',
  'federation.expired':
    'This sign-in was begun too long ago, in another browser, or has been completed already. Begin again.',
  'federation.no_account':
    'Nobody here is known by that account of {provider}. Sign in another way, or ask for an account.',
  'federation.account_exists':
    'There is an account with your address already. Sign in to it the way you usually do; under “Linked accounts” you can then add {provider}.',
  'federation.unknown': 'another provider',
  'account.nav_linked': 'Linked accounts',
  'linked.title': 'Linked accounts',
  'linked.about': 'Accounts elsewhere that sign you in here.',
  'linked.none': 'None yet.',
  'linked.since': '{account}, since {date}',
  'linked.add': 'Link {provider}',
  'linked.remove': 'Unlink',
  'linked.taken': 'That account of {provider} is linked to an account here already.',
  'linked.too_many': 'No more accounts can be linked. Unlink one first.',
  'history.identity_linked': 'An account elsewhere was linked',
  'history.identity_unlinked': 'An account elsewhere was unlinked',
  'history.roles_brought': 'Roles were changed by an account elsewhere',
  'history.claims_not_mapped': 'Something that an account elsewhere says could not be taken over',
  'history.account_reclaimed': 'The account went to the owner of its address',
  'mail.identity_linked.subject': 'A way to sign in to {brand} has been added',
  'mail.identity_linked.text':
    'An account of {what} has been linked to your account {username}: it can be used to sign in.',
  'mail.identity_unlinked.subject': 'A way to sign in to {brand} has been removed',
  'mail.identity_unlinked.text': 'An account of {what} is no longer linked to your account {username}.',
} as const
