import { type Invitation, inviteUser } from '../domain/invitations.ts'
import { createMailedProofs } from '../domain/mailed-proofs.ts'
import { createMailLooks } from '../mail/mail-looks.ts'
import { defaultBrand } from '../pages/brand.ts'
import { issuer, type StartedAuth } from './start-auth.ts'

/** Mails an invitation to open an account, as `gatehouse user invite` does. */
export function inviteByOperator(
  { store, clock, auth }: StartedAuth,
  invitation: Invitation,
): Promise<{ readonly email: string }> {
  const proofs = createMailedProofs({ store, clock, ring: auth.rings.mail })
  const mailLooks = createMailLooks({ brand: () => defaultBrand })
  return inviteUser({ store, clock, issuer, outbox: auth.outbox, proofs, mailLooks }, invitation, { actor: 'test' })
}
