import type { Catalogue } from '../catalogue.ts'

export const federation: Catalogue = {
  'sign_in.with': 'Continuer avec {provider}',
  'sign_in.provider_away': '{provider} ne répond pas pour le moment',
  'federation.unavailable':
    '{provider} ne répond pas pour le moment. Réessayez plus tard, ou connectez-vous autrement.',
  'federation.cancelled':
    'Vous ne vous êtes pas connecté avec {provider}. Vous pouvez réessayer, ou vous connecter autrement.',
  'federation.refused':
    '{provider} ne vous a pas laissé vous connecter. Adressez-vous à la personne qui y gère votre compte.',
  'federation.failed':
    'La connexion avec {provider} n’a pas fonctionné. Réessayez ; si elle échoue encore, prévenez la personne qui gère ce site.',
  'federation.expired':
    'Cette connexion a été commencée il y a trop longtemps ou dans un autre navigateur, ou elle est déjà terminée. Recommencez.',
  'federation.no_account':
    'Personne n’est connu ici par ce compte {provider}. Connectez-vous autrement, ou demandez un compte.',
  'federation.account_exists':
    'Il existe déjà un compte avec votre adresse. Connectez-vous-y comme d’habitude ; sous « Comptes liés », vous pourrez ensuite ajouter {provider}.',
  'federation.unknown': 'un autre fournisseur',
  'account.nav_linked': 'Comptes liés',
  'linked.title': 'Comptes liés',
  'linked.about': 'Des comptes ailleurs, avec lesquels vous vous connectez ici.',
  'linked.none': 'Aucun pour le moment.',
  'linked.since': '{account}, depuis le {date}',
  'linked.add': 'Lier {provider}',
  'linked.remove': 'Délier',
  'linked.taken': 'Ce compte {provider} est déjà lié à un compte ici.',
  'linked.too_many': 'Aucun autre compte ne peut être lié. Déliez-en d’abord un.',
  'history.identity_linked': 'Un compte ailleurs a été lié',
  'history.identity_unlinked': 'Un compte ailleurs a été délié',
  'history.roles_brought': 'Des rôles ont été changés par un compte ailleurs',
  'history.claims_not_mapped': 'Une donnée d’un compte ailleurs n’a pas pu être reprise',
  'history.account_reclaimed': 'Le compte est revenu au propriétaire de son adresse',
  'mail.identity_linked.subject': 'Un moyen de se connecter à {brand} a été ajouté',
  'mail.identity_linked.text': 'Un compte {what} a été lié à votre compte {username} : il permet de se connecter.',
  'mail.identity_unlinked.subject': 'Un moyen de se connecter à {brand} a été retiré',
  'mail.identity_unlinked.text': 'Un compte {what} n’est plus lié à votre compte {username}.',
}
