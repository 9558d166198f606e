import type { Catalogue } from '../catalogue.ts'

export const keptForm: Catalogue = {
  'kept_form.title': 'Enviar lo que se conservó',
  'kept_form.waits': 'Lo que iba a enviar a {path} se conservó mientras iniciaba sesión. Todavía no se ha enviado.',
  'kept_form.send': 'Enviar',
  'kept_form.leave': 'No enviar',
  'kept_form.file': 'Archivo {name}, {bytes} bytes',
  'kept_form.title_gone': 'No hay nada que enviar',
  'kept_form.gone': 'Lo que se conservó ya se envió, ha esperado demasiado o lo empezó otra persona. No se enviará.',
  'kept_form.still_kept':
    'Lo que iba a enviar no se ha entregado. Se conserva media hora para que pueda enviarlo de nuevo.',
  'kept_form.look_again': 'Verlo y enviarlo de nuevo',
}
