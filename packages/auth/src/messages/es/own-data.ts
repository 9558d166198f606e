import type { Catalogue } from '../catalogue.ts'

export const ownData: Catalogue = {
  'account.nav_history': 'Historial',
  'account.nav_data': 'Sus datos',
  'history.title': 'Historial de seguridad',
  'history.about':
    'Qué ha pasado con su cuenta, lo más reciente primero. Si algo no lo hizo usted, cambie su contraseña y termine todas las demás sesiones.',
  'history.none': 'Nada todavía.',
  'history.older': 'Más antiguo',
  'history.times': '{count} veces',
  'history.sign_in': 'Inicio de sesión',
  'history.sign_in_failed': 'Un inicio de sesión falló',
  'history.password_set': 'Se estableció la contraseña',
  'history.factor_added': 'Se añadió un segundo factor',
  'history.factor_removed': 'Se quitó un segundo factor',
  'history.backchannel_refused': 'Una aplicación pidió su aprobación demasiadas veces',
  'history.recovery_codes_renewed': 'Se crearon nuevos códigos de recuperación',
  'history.user_added': 'Se creó la cuenta',
  'history.user_disabled': 'Se cerró la cuenta',
  'history.user_enabled': 'Se reabrió la cuenta',
  'history.rights_changed': 'Se cambió lo que la cuenta puede hacer',
  'history.data_downloaded': 'Se descargaron sus datos',
  'history.first_administrator_created': 'Se creó la cuenta',
  'data.title': 'Sus datos',
  'data.download_about':
    'Todo lo que se guarda aquí sobre usted, en un archivo que los programas pueden leer: cuenta, sesiones, segundos factores sin sus secretos, aplicaciones conectadas, historial.',
  'data.download': 'Descargar mis datos',
  'data.delete_title': 'Eliminar la cuenta',
  'data.delete_about':
    'Se cerrarán todas sus sesiones y se eliminará todo lo que se guarda aquí sobre usted. No se puede deshacer.',
  'data.delete_confirm': 'Escriba su nombre de usuario, {username}, para confirmar',
  'data.delete': 'Eliminar mi cuenta',
  'data.delete_wrong': 'Ese no es su nombre de usuario.',
  'data.deleted_title': 'Su cuenta está eliminada',
  'data.deleted': 'Aquí no queda nada de ella. Las aplicaciones que usó pueden haber conservado lo que tenían.',
}
