import type { Catalogue } from '../catalogue.ts'

export const passkeys: Catalogue = {
  'passkey.title': 'Claves de acceso',
  'passkey.none':
    'Ninguna todavía. Con una clave de acceso inicia sesión con su huella, su cara o el bloqueo de su dispositivo.',
  'passkey.add': 'Añadir una clave de acceso',
  'passkey.new_title': 'Crear una clave de acceso',
  'passkey.about':
    'Su dispositivo guarda la clave de acceso y solo la muestra cuando usted lo ha desbloqueado: con huella, cara o PIN. No hay nada que recordar ni nada que una página falsa pueda sonsacarle.',
  'passkey.name': 'Cómo la llama usted',
  'passkey.default_name': 'Clave de acceso',
  'passkey.create': 'Crear una clave de acceso',
  'passkey.rename': 'Cambiar el nombre',
  'passkey.save_name': 'Guardar el nombre',
  'passkey.sign_in': 'Iniciar sesión con una clave de acceso',
  'passkey.show': 'Usar su clave de acceso',
  'passkey.or': 'o',
  'passkey.instead': 'Usar una clave de acceso en su lugar',
  'passkey.app_instead': 'Usar una aplicación de autenticación en su lugar',
  'passkey.wrong': 'Con esta clave de acceso no puede iniciar sesión aquí. Pruebe con otra, o de otra manera.',
  'passkey.not_added': 'No se ha podido añadir la clave de acceso. Inténtelo de nuevo.',
  'passkey.cancelled': 'No se ha elegido nada, o se ha tardado demasiado. Inténtelo de nuevo cuando quiera.',
  'passkey.known': 'Este dispositivo ya tiene una clave de acceso para su cuenta.',
  'passkey.failed': 'No ha funcionado. Vuelva a cargar la página e inténtelo otra vez.',
  'passkey.unsupported': 'Este navegador no conoce las claves de acceso.',
  'passkey.needs_script': 'Las claves de acceso necesitan JavaScript, y este navegador no lo ejecuta aquí.',
  'history.factor_renamed': 'Se ha cambiado el nombre de una clave de acceso',
  'history.passkey_went_back': 'Se ha rechazado una clave de acceso: puede haber sido copiada',
}
