import { GatehouseError } from '@gatehouse/core/errors'

/** A link that has been used, has expired, or has been replaced by a newer one. */
export const linkIsGone = (): GatehouseError =>
  new GatehouseError('not_found', {
    description: 'This link has been used, has expired, or there is a newer one',
    members: { reason: 'link_gone' },
  })
