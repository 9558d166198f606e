import type { Catalogue } from '../catalogue.ts'

export const profile: Catalogue = {
  'profile.title': 'Perfil',
  'profile.name': 'Nombre',
  'profile.name_hint': 'Cómo le llaman las aplicaciones. Vacío: su nombre de usuario.',
  'profile.language': 'Idioma de las páginas y los mensajes',
  'profile.save': 'Guardar',
  'profile.email': 'Correo electrónico',
  'profile.no_email': 'Ninguno: si olvida su contraseña, nadie podrá ayudarle.',
  'profile.unconfirmed': '{email}, sin confirmar',
  'profile.new_email': 'Dirección nueva',
  'profile.change_email': 'Cambiar la dirección',
  'profile.change_hint': 'Enviamos un enlace a la dirección nueva; hasta que lo abra se mantiene la anterior.',
  'account.nav_profile': 'Perfil',
}
