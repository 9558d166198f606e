/** Who one is. */
export const profile = {
  'profile.title': 'Profile',
  'profile.name': 'Name',
  'profile.name_hint': 'What you are called in apps. Left empty: your user name.',
  'profile.language': 'Language of pages and mails',
  'profile.save': 'Save',
  'profile.email': 'E-mail address',
  'profile.no_email': 'None: you cannot be helped if you forget your password.',
  'profile.unconfirmed': '{email}, not confirmed',
  'profile.new_email': 'New address',
  'profile.change_email': 'Change the address',
  'profile.change_hint': 'We mail a link to the new address; until you open it the old one stays.',
  'account.nav_profile': 'Profile',
} as const
