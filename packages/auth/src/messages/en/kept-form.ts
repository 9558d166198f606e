/** A form that waits to be sent again. */
export const keptForm = {
  'kept_form.title': 'Send what was kept',
  'kept_form.waits': 'What you were about to send to {path} was kept while you signed in. It has not been sent yet.',
  'kept_form.send': 'Send',
  'kept_form.leave': 'Do not send',
  'kept_form.file': 'File {name}, {bytes} bytes',
  'kept_form.title_gone': 'There is nothing to send',
  'kept_form.gone':
    'What was kept was sent already, has waited for too long, or was begun by somebody else. It will not be sent.',
  'kept_form.still_kept':
    'What you were about to send has not been delivered. It is kept for half an hour, so that you can send it again.',
  'kept_form.look_again': 'Look at it and send it again',
} as const
