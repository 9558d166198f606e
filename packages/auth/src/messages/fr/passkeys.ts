import type { Catalogue } from '../catalogue.ts'

export const passkeys: Catalogue = {
  'passkey.title': 'Clés d’accès',
  'passkey.none':
    'Aucune pour l’instant. Avec une clé d’accès, vous vous connectez par votre empreinte, votre visage ou le verrouillage de votre appareil.',
  'passkey.add': 'Ajouter une clé d’accès',
  'passkey.new_title': 'Créer une clé d’accès',
  'passkey.about':
    'Votre appareil garde la clé d’accès et ne la présente qu’une fois déverrouillé : par empreinte, visage ou code. Il n’y a rien à retenir, et rien qu’une fausse page puisse vous soutirer.',
  'passkey.name': 'Le nom que vous lui donnez',
  'passkey.default_name': 'Clé d’accès',
  'passkey.create': 'Créer une clé d’accès',
  'passkey.rename': 'Renommer',
  'passkey.save_name': 'Enregistrer le nom',
  'passkey.sign_in': 'Se connecter avec une clé d’accès',
  'passkey.show': 'Utiliser votre clé d’accès',
  'passkey.or': 'ou',
  'passkey.instead': 'Utiliser plutôt une clé d’accès',
  'passkey.app_instead': 'Utiliser plutôt une application d’authentification',
  'passkey.wrong': 'Cette clé d’accès ne permet pas de vous connecter ici. Essayez-en une autre, ou une autre méthode.',
  'passkey.not_added': 'La clé d’accès n’a pas pu être ajoutée. Réessayez.',
  'passkey.cancelled': 'Rien n’a été choisi, ou cela a pris trop de temps. Réessayez quand vous voulez.',
  'passkey.known': 'Cet appareil a déjà une clé d’accès pour votre compte.',
  'passkey.failed': 'Cela n’a pas marché. Rechargez la page, puis réessayez.',
  'passkey.unsupported': 'Ce navigateur ne connaît pas les clés d’accès.',
  'passkey.needs_script': 'Les clés d’accès ont besoin de JavaScript, que ce navigateur n’exécute pas ici.',
  'history.factor_renamed': 'Une clé d’accès a été renommée',
  'history.passkey_went_back': 'Une clé d’accès a été refusée : elle a peut-être été copiée',
}
