/** What mails say. */
export const mail = {
  'mail.sign_up.subject': 'Confirm your address for {brand}',
  'mail.sign_up.text':
    'Somebody, we hope you, is opening an account at {brand} with this address. Confirm that it is yours:',
  'mail.sign_up.link': 'Confirm the address',
  'mail.invitation.subject': 'You are invited to {brand}',
  'mail.invitation.text': 'You have been invited to open an account at {brand}:',
  'mail.invitation.link': 'Accept the invitation',
  'mail.organisation_invitation.subject': 'You are invited to join {organisation}',
  'mail.organisation_invitation.text':
    '{organisation} has invited you to join it at {brand}. Accept with the account that has this address:',
  'mail.organisation_invitation.link': 'Look at the invitation',
  'mail.change_email.subject': 'Confirm your new address for {brand}',
  'mail.change_email.text': 'This address is to belong to an account at {brand} from now on. Confirm that it is yours:',
  'mail.change_email.link': 'Confirm the address',
  'mail.recovery.subject': 'A new password for {brand}',
  'mail.recovery.text':
    'Somebody, we hope you, has forgotten the password of your account at {brand}. Choose a new one here:',
  'mail.recovery.link': 'Choose a new password',
  'mail.sign_in_link.subject': 'Sign in to {brand}',
  'mail.sign_in_link.text':
    'Open this link in the browser in which you asked for it, and you are signed in to {brand}:',
  'mail.sign_in_link.link': 'Sign in',
  'mail.sign_in_code.subject': 'Your code for {brand}',
  'mail.sign_in_code.text':
    'Type this code in the browser in which you asked for it, and you are signed in to {brand}:',
  'mail.account_exists.subject': 'You have an account at {brand}',
  'mail.account_exists.text':
    'Somebody, perhaps you, has tried to open an account at {brand} with this address. There is one already: sign in, or choose a new password if you have forgotten yours.',
  'mail.account_exists.link': 'Sign in',
  'mail.approval_request.subject': 'A request to {brand} waits for your approval',
  'mail.approval_request.text':
    '“{client}” asks for the approval of your account {username} at {brand}. See what it asks for, and allow or deny it:',
  'mail.approval_request.says': 'It says: “{message}”',
  'mail.approval_request.link': 'See the request',
  'mail.approval_request.until': 'You can decide until {time}. Without an answer of yours nothing is allowed.',
  'mail.approval_request.not_begun':
    'If you have not started this yourself, deny it: somebody else may be trying to act in your name.',
  'mail.password_changed.subject': 'Your password for {brand} has been changed',
  'mail.password_changed.text':
    'The password of your account {username} has been changed, and every session has ended.',
  'mail.factor_added.subject': 'A way to sign in to {brand} has been added',
  'mail.factor_added.text': '“{what}” has been added to your account {username}: it can be used to sign in.',
  'mail.factor_removed.subject': 'A way to sign in to {brand} has been removed',
  'mail.factor_removed.text': '“{what}” has been removed from your account {username}: it no longer signs you in.',
  'mail.recovery_codes_renewed.subject': 'You have new recovery codes for {brand}',
  'mail.recovery_codes_renewed.text':
    'New recovery codes were made for your account {username}. The old ones are worth nothing now.',
  'mail.email_changed.subject': 'Your address at {brand} has been changed',
  'mail.email_changed.text': 'Your account {username} now belongs to the address {what}. Mails no longer come here.',
  'mail.account_deleted.subject': 'Your account at {brand} has been deleted',
  'mail.account_deleted.text': 'Your account {username} and what belonged to it have been deleted.',
  'mail.sign_in_mails_stopped.subject': 'Many mails for signing in to {brand} were asked for',
  'mail.sign_in_mails_stopped.text':
    'Somebody keeps asking for mails by which to sign in to your account {username}. For a few minutes no more are sent.',
  'mail.requests_stopped.subject': 'Many requests to {brand} wait for your approval',
  'mail.requests_stopped.text':
    '“{what}” keeps asking for the approval of your account {username}. For a few minutes it is not heard. Agree only to what you have begun yourself.',
  'mail.link_good_for': 'The link can be used once, within {minutes} minutes.',
  'mail.link_good_for_days': 'The link can be used once, within {days} days.',
  'mail.not_asked_for': 'If you did not ask for this, do nothing: nothing changes.',
  'mail.code_good_for': 'The code can be used once, within {minutes} minutes.',
  'mail.code_for_nobody':
    'Give it to nobody: whoever asks you for it is not from us. If you did not ask for it, do nothing.',
  'mail.when': 'When: {time}.',
  'mail.from_address': 'From the address {address}.',
  'mail.look_after': 'Look after your account',
  'mail.not_you': 'If this was not you, choose a new password at once, and tell those who run this service.',
  'inbox.title': 'Inbox of development mode',
  'inbox.none': 'Nobody has been sent anything yet.',
  'inbox.code': 'Code:',
  'inbox.source': 'HTML of the mail',
} as const
