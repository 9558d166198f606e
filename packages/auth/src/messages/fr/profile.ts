import type { Catalogue } from '../catalogue.ts'

export const profile: Catalogue = {
  'profile.title': 'Profil',
  'profile.name': 'Nom',
  'profile.name_hint': 'Votre nom dans les applications. Vide : votre nom d’utilisateur.',
  'profile.language': 'Langue des pages et des messages',
  'profile.save': 'Enregistrer',
  'profile.email': 'Adresse e-mail',
  'profile.no_email': 'Aucune : si vous oubliez votre mot de passe, personne ne pourra vous aider.',
  'profile.unconfirmed': '{email}, non confirmée',
  'profile.new_email': 'Nouvelle adresse',
  'profile.change_email': 'Changer l’adresse',
  'profile.change_hint':
    'Nous envoyons un lien à la nouvelle adresse ; l’ancienne reste tant que vous ne l’ouvrez pas.',
  'account.nav_profile': 'Profil',
}
