import type { Catalogue } from '../catalogue.ts'

export const keptForm: Catalogue = {
  'kept_form.title': 'Senden, was aufbewahrt wurde',
  'kept_form.waits':
    'Was Sie an {path} senden wollten, wurde aufbewahrt, während Sie sich angemeldet haben. Es wurde noch nicht gesendet.',
  'kept_form.send': 'Senden',
  'kept_form.leave': 'Nicht senden',
  'kept_form.file': 'Datei {name}, {bytes} Byte',
  'kept_form.title_gone': 'Es gibt nichts zu senden',
  'kept_form.gone':
    'Was aufbewahrt wurde, ist bereits gesendet, hat zu lange gewartet oder wurde von jemand anderem begonnen. Es wird nicht gesendet.',
  'kept_form.still_kept':
    'Was Sie senden wollten, wurde nicht zugestellt. Es wird eine halbe Stunde aufbewahrt, damit Sie es noch einmal senden können.',
  'kept_form.look_again': 'Ansehen und noch einmal senden',
}
