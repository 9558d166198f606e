import type { Catalogue } from '../catalogue.ts'

export const frame: Catalogue = {
  'frame.continue': 'Continuar',
  'frame.back': 'Volver',
  'frame.back_to_app': 'Volver a la aplicación',
  'frame.skip': 'Ir al contenido',
  'frame.language': 'Idioma',
  'frame.change_language': 'Cambiar',
  'frame.terms': 'Condiciones de uso',
  'frame.privacy': 'Privacidad',
  'frame.support': 'Ayuda',
  'frame.signed_in_as': 'Ha iniciado sesión como {username}.',
  'frame.one_step_left': 'Falta un paso.',
}
