import type { Catalogue } from '../catalogue.ts'

export const frame: Catalogue = {
  'frame.continue': 'Continuer',
  'frame.back': 'Retour',
  'frame.back_to_app': 'Revenir à l’application',
  'frame.skip': 'Aller au contenu',
  'frame.language': 'Langue',
  'frame.change_language': 'Changer',
  'frame.terms': 'Conditions d’utilisation',
  'frame.privacy': 'Confidentialité',
  'frame.support': 'Aide',
  'frame.signed_in_as': 'Vous êtes connecté en tant que {username}.',
  'frame.one_step_left': 'Il reste une étape.',
}
