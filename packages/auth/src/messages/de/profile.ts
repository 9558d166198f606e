import type { Catalogue } from '../catalogue.ts'

export const profile: Catalogue = {
  'profile.title': 'Profil',
  'profile.name': 'Name',
  'profile.name_hint': 'So heißen Sie in Apps. Leer: Ihr Benutzername.',
  'profile.language': 'Sprache von Seiten und Mails',
  'profile.save': 'Speichern',
  'profile.email': 'E-Mail-Adresse',
  'profile.no_email': 'Keine: Wenn Sie Ihr Passwort vergessen, kann Ihnen niemand helfen.',
  'profile.unconfirmed': '{email}, nicht bestätigt',
  'profile.new_email': 'Neue Adresse',
  'profile.change_email': 'Adresse ändern',
  'profile.change_hint': 'Wir schicken einen Link an die neue Adresse; bis Sie ihn öffnen, bleibt die alte.',
  'account.nav_profile': 'Profil',
}
