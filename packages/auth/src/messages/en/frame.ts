/** What stands around and below the content of every page. */
export const frame = {
  'frame.continue': 'Continue',
  'frame.back': 'Back',
  'frame.back_to_app': 'Back to the app',
  'frame.skip': 'Skip to the content',
  'frame.language': 'Language',
  'frame.change_language': 'Change',
  'frame.terms': 'Terms',
  'frame.privacy': 'Privacy',
  'frame.support': 'Help',
  'frame.signed_in_as': 'You are signed in as {username}.',
  'frame.one_step_left': 'One step is left.',
} as const
