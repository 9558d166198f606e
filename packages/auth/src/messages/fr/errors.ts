import type { Catalogue } from '../catalogue.ts'

export const errors: Catalogue = {
  'error.title': 'Cela ne fonctionne pas',
  'error.title_ours': 'Une erreur s’est produite',
  'error.title_not_found': 'Il n’y a rien ici',
  'error.title_expired': 'Cette page n’est plus à jour',
  'error.expired':
    'Cette page a expiré, ou un autre onglet a pris sa place. Rien n’est perdu : recommencez, et vous arriverez là où vous vouliez aller.',
  'error.start_again': 'Recommencer',
  'error.not_found': 'Cette page a expiré, appartient à un autre navigateur ou n’a jamais existé.',
  'error.invalid_request': 'La demande est incomplète ou incorrecte.',
  'error.forbidden': 'Ce n’est pas autorisé.',
  'error.too_many_requests': 'Trop de tentatives. Patientez un peu, puis réessayez.',
  'error.temporarily_unavailable': 'C’est impossible pour le moment. Réessayez dans une minute.',
  'error.server_error': 'L’erreur vient de nous et non de vous. Réessayez dans une minute.',
  'error.what_next':
    'Si vous venez d’une application, retournez-y et réessayez. Si cela ne suffit pas, communiquez ce numéro à ses responsables : {id}',
  'error.lacks_cookies':
    'Votre navigateur n’a envoyé aucun cookie de ce site, et sans eux personne ne peut se connecter. Autorisez les cookies de ce site, puis recommencez.',
  'error.lacks_factor':
    'L’application demande une connexion plus sûre que celle de votre compte. Ajoutez un second facteur, puis revenez.',
  'error.add_factor': 'Ajouter un second facteur',
  'error.detail': 'Détails',
}
