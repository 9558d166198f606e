import type { Catalogue } from '../catalogue.ts'

export const ownData: Catalogue = {
  'account.nav_history': 'Historique',
  'account.nav_data': 'Vos données',
  'history.title': 'Historique de sécurité',
  'history.about':
    'Ce qui est arrivé à votre compte, le plus récent d’abord. Si quelque chose ne vient pas de vous, changez de mot de passe et terminez toutes les autres sessions.',
  'history.none': 'Rien pour l’instant.',
  'history.older': 'Plus ancien',
  'history.times': '{count} fois',
  'history.sign_in': 'Connexion',
  'history.sign_in_failed': 'Une connexion a échoué',
  'history.password_set': 'Le mot de passe a été défini',
  'history.factor_added': 'Un second facteur a été ajouté',
  'history.factor_removed': 'Un second facteur a été retiré',
  'history.backchannel_refused': 'Une application a demandé votre accord trop souvent',
  'history.recovery_codes_renewed': 'De nouveaux codes de secours ont été créés',
  'history.user_added': 'Le compte a été créé',
  'history.user_disabled': 'Le compte a été fermé',
  'history.user_enabled': 'Le compte a été rouvert',
  'history.rights_changed': 'Ce que le compte peut faire a été modifié',
  'history.data_downloaded': 'Vos données ont été téléchargées',
  'history.first_administrator_created': 'Le compte a été créé',
  'data.title': 'Vos données',
  'data.download_about':
    'Tout ce qui est conservé ici à votre sujet, dans un fichier lisible par des programmes : compte, sessions, seconds facteurs sans leurs secrets, applications connectées, historique.',
  'data.download': 'Télécharger mes données',
  'data.delete_title': 'Supprimer le compte',
  'data.delete_about':
    'Vous serez déconnecté partout, et tout ce qui est conservé ici à votre sujet sera supprimé. C’est irréversible.',
  'data.delete_confirm': 'Saisissez votre nom d’utilisateur, {username}, pour confirmer',
  'data.delete': 'Supprimer mon compte',
  'data.delete_wrong': 'Ce n’est pas votre nom d’utilisateur.',
  'data.deleted_title': 'Votre compte est supprimé',
  'data.deleted': 'Il n’en reste rien ici. Les applications que vous avez utilisées ont pu garder ce qu’elles avaient.',
}
