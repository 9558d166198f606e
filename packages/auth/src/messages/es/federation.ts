import type { Catalogue } from '../catalogue.ts'

export const federation: Catalogue = {
  'sign_in.with': 'Continuar con {provider}',
  'sign_in.provider_away': '{provider} no responde en este momento',
  'federation.unavailable':
    '{provider} no responde en este momento. Inténtelo más tarde o inicie sesión de otra manera.',
  'federation.cancelled': 'No ha iniciado sesión con {provider}. Puede volver a intentarlo o hacerlo de otra manera.',
  'federation.refused': '{provider} no le ha permitido iniciar sesión. Pregunte a quien gestione allí su cuenta.',
  'federation.failed':
    'El inicio de sesión con {provider} no ha funcionado. Inténtelo de nuevo; si vuelve a fallar, avise a quien gestione este sitio.',
  'federation.expired':
    'Este inicio de sesión se empezó hace demasiado tiempo o en otro navegador, o ya ha terminado. Empiece de nuevo.',
  'federation.no_account':
    'Aquí no se conoce a nadie por esa cuenta de {provider}. Inicie sesión de otra manera o pida una cuenta.',
  'federation.account_exists':
    'Ya existe una cuenta con su dirección. Inicie sesión en ella como siempre; en «Cuentas vinculadas» podrá añadir después {provider}.',
  'federation.unknown': 'otro proveedor',
  'account.nav_linked': 'Cuentas vinculadas',
  'linked.title': 'Cuentas vinculadas',
  'linked.about': 'Cuentas en otros sitios con las que inicia sesión aquí.',
  'linked.none': 'Ninguna todavía.',
  'linked.since': '{account}, desde el {date}',
  'linked.add': 'Vincular {provider}',
  'linked.remove': 'Desvincular',
  'linked.taken': 'Esa cuenta de {provider} ya está vinculada a una cuenta de aquí.',
  'linked.too_many': 'No se pueden vincular más cuentas. Desvincule antes una.',
  'history.identity_linked': 'Se vinculó una cuenta de otro sitio',
  'history.identity_unlinked': 'Se desvinculó una cuenta de otro sitio',
  'history.roles_brought': 'Una cuenta de otro sitio cambió los roles',
  'history.claims_not_mapped': 'No se pudo tomar un dato de una cuenta de otro sitio',
  'history.account_reclaimed': 'La cuenta pasó al titular de su dirección',
  'mail.identity_linked.subject': 'Se ha añadido una manera de iniciar sesión en {brand}',
  'mail.identity_linked.text':
    'Se ha vinculado una cuenta de {what} a su cuenta {username}: sirve para iniciar sesión.',
  'mail.identity_unlinked.subject': 'Se ha quitado una manera de iniciar sesión en {brand}',
  'mail.identity_unlinked.text': 'Una cuenta de {what} ya no está vinculada a su cuenta {username}.',
}
