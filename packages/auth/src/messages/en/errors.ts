/** What people are told when something does not work. */
export const errors = {
  'error.title': 'This does not work',
  'error.title_ours': 'Something went wrong',
  'error.title_not_found': 'Nothing is here',
  'error.title_expired': 'This page is out of date',
  'error.expired':
    'This page has expired, or another tab has taken its place. Nothing is lost: start again, and you will get to where you were going.',
  'error.start_again': 'Start again',
  'error.not_found': 'This page has expired, or belongs to another browser, or never existed.',
  'error.invalid_request': 'The request is not complete, or not right.',
  'error.forbidden': 'This is not allowed.',
  'error.too_many_requests': 'Too many tries. Wait a while and try again.',
  'error.temporarily_unavailable': 'We cannot do this at the moment. Try again in a minute.',
  'error.server_error': 'That is our fault and not yours. Try again in a minute.',
  'error.what_next':
    'If you came here from an app, go back to it and try again. If that does not help, tell those who run it this number: {id}',
  'error.lacks_cookies':
    'Your browser has sent no cookie of this site, and nobody can sign in without. Allow cookies for this site, and begin again.',
  'error.lacks_factor':
    'The app asks for a stronger sign-in than your account has. Add a second factor, and come back.',
  'error.add_factor': 'Add a second factor',
  'error.detail': 'Details',
} as const
