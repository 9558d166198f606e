/** What has happened to one's account, and what is kept of one. */
export const ownData = {
  'account.nav_history': 'History',
  'account.nav_data': 'Your data',
  'history.title': 'Security history',
  'history.about':
    'What has happened to your account, the latest first. If something was not you, change your password and end all other sessions.',
  'history.none': 'Nothing yet.',
  'history.older': 'Older',
  'history.times': '{count} times',
  'history.sign_in': 'Signed in',
  'history.sign_in_failed': 'A sign-in failed',
  'history.password_set': 'The password was set',
  'history.factor_added': 'A second factor was added',
  'history.factor_removed': 'A second factor was removed',
  'history.recovery_codes_renewed': 'New recovery codes were made',
  'history.user_added': 'The account was made',
  'history.user_disabled': 'The account was closed',
  'history.user_enabled': 'The account was opened again',
  'history.data_downloaded': 'Your data was downloaded',
  'history.first_administrator_created': 'The account was made',
  'data.title': 'Your data',
  'data.download_about':
    'Everything that is kept of you here, as a file that programs can read: account, sessions, second factors without their secrets, connected applications, history.',
  'data.download': 'Download my data',
  'data.delete_title': 'Delete the account',
  'data.delete_about':
    'You are signed out everywhere, and everything that is kept of you here is removed. This cannot be undone.',
  'data.delete_confirm': 'Type your user name, {username}, to confirm',
  'data.delete': 'Delete my account',
  'data.delete_wrong': 'That is not your user name.',
  'data.deleted_title': 'Your account is deleted',
  'data.deleted': 'Nothing of it is left here. Apps that you used may have kept what they have.',
} as const
