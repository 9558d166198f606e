import type { Catalogue } from '../catalogue.ts'

export const frame: Catalogue = {
  'frame.continue': 'Weiter',
  'frame.back': 'Zurück',
  'frame.back_to_app': 'Zurück zur App',
  'frame.skip': 'Zum Inhalt springen',
  'frame.language': 'Sprache',
  'frame.change_language': 'Ändern',
  'frame.terms': 'Nutzungsbedingungen',
  'frame.privacy': 'Datenschutz',
  'frame.support': 'Hilfe',
  'frame.signed_in_as': 'Sie sind als {username} angemeldet.',
  'frame.one_step_left': 'Ein Schritt fehlt noch.',
}
