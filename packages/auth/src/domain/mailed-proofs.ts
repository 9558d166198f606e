import { createHmac, hash, randomInt, timingSafeEqual } from 'node:crypto'
import type { Seconds, UserId } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import type { JsonObject } from '@gatehouse/core/json'
import { randomToken } from '@gatehouse/core/random'
import { type Clock, seconds } from '@gatehouse/core/time'
import type { MailedProofRow } from '@gatehouse/store/rows'
import type { Store, Tables } from '@gatehouse/store/store'
import type { KeyRing } from './key-rings.ts'
import { sealUnder, unsealUnder } from './ring-sealing.ts'
import { createTryLimit } from './try-limit.ts'

/** What a link leads to. */
export type LinkPurpose = Exclude<MailedProofRow['purpose'], 'sign_in_code'>

/** What somebody is mailed, and what comes of it once they bring it back. */
export interface NewProof {
  /** The address that it proves, as it is compared; where nobody has it, what was typed. */
  readonly address: string
  readonly userId: UserId | undefined
  /** Who asked, as {@link hashAsker} has it: only they can go on with it where that matters. */
  readonly asker: string | undefined
  /** What else it rests on, where one address may have several at a time: it takes the place only of one of the same. */
  readonly apart?: string
  readonly details?: JsonObject
}

/** A proof that somebody has brought back. */
export interface MailedProof {
  readonly purpose: MailedProofRow['purpose']
  readonly address: string
  readonly userId: UserId | undefined
  readonly asker: string | undefined
  readonly details: JsonObject
}

/**
 * Links and codes that people are mailed. Each is good once, for minutes, and only as long as no newer one is out: to sign in, none that
 * the same browser or program has asked for. Threat: a stranger who asks anew for somebody, so that theirs is never good.
 */
export interface MailedProofs {
  /** A new link's token, in the transaction that queues its mail. Cost: one statement, with `put`. */
  newToken(purpose: LinkPurpose): string
  /**
   * Notes what a token is good for, in the place of an earlier one of the same purpose, address, `apart` and, to sign in,
   * asker.
   */
  putLink(tables: Tables, proof: NewProof & { readonly purpose: LinkPurpose; readonly token: string }): Promise<void>
  /** Makes the link of a purpose that an address was mailed worth nothing; whether there was one. */
  withdrawLink(tables: Tables, purpose: LinkPurpose, address: string): Promise<boolean>
  /** What a link would lead to: looking changes nothing, since mail scanners look too. */
  findLink(token: string, purposes: readonly LinkPurpose[]): Promise<MailedProof | undefined>
  /** Uses a link up, in the transaction of what it leads to: of several callers one gets it. */
  consumeLink(tables: Tables, token: string, purposes: readonly LinkPurpose[]): Promise<MailedProof | undefined>
  /** A new code: eight digits. */
  newCode(): string
  /** Notes a code for who asked for it, in the place of an earlier one of theirs. */
  putCode(tables: Tables, code: string, proof: NewProof & { readonly asker: string }): Promise<void>
  /**
   * Whose code this is, where it is that of the asker; it is used up by {@link MailedProofs.consumeCode}. Error:
   * `too_many_requests` after five wrong ones of one mail. After a hundred for one address in a day every code for it is wrong.
   * Cost: a few statements.
   */
  checkCode(asker: string, code: string): Promise<MailedProof | undefined>
  /** Uses a code up, in the transaction of what it leads to: of several callers one gets it. */
  consumeCode(tables: Tables, asker: string, code: string): Promise<MailedProof | undefined>
}

/** Seconds for which each can be used. Spec: ASVS 6.5.5. */
export const proofLifetimes: Readonly<Record<MailedProofRow['purpose'], Seconds>> = {
  sign_up: seconds(900),
  // Nobody waits before a screen for it, and it leads to nothing that was there before.
  invitation: seconds(604_800),
  change_email: seconds(900),
  recovery: seconds(900),
  sign_in_link: seconds(900),
  sign_in_code: seconds(600),
}

/** What tokens of links begin with. */
const prefixes: Readonly<Record<LinkPurpose, string>> = {
  sign_up: 'ghs_',
  invitation: 'ghi_',
  change_email: 'ghe_',
  recovery: 'ghp_',
  sign_in_link: 'ghl_',
}

/** Wrong codes for one mail, and for one address. Spec: NIST SP 800-63B-4 section 3.2.2. */
const perMail = { wrong: 5, within: 600 }
const perAddress = { wrong: 100, within: 86_400 }

const digest = (text: string): string => hash('sha256', text, 'base64url')
/** One of each per address, but of those to sign in: one per address and asker. No address has a line feed. */
const joinPlace = (purpose: MailedProofRow['purpose'], { address, asker, apart }: NewProof): string =>
  [address, purpose.startsWith('sign_in_') ? asker : apart].filter((part) => part !== undefined).join('\n')
const addressOf = ({ address }: MailedProofRow): string => address.split('\n', 1)[0] ?? ''
const placeOf = (hashed: string): string => `mailed_proofs.sealed:${hashed}`

/** Who asks: a browser by its cookie, a program by the token that it was answered with. */
export const hashAsker = (secret: string): string => digest(`asker\n${secret}`)

/**
 * Who has used up the tries of an address is told no more than that a code is wrong. Threat: two names that are known to be one
 * person's, since the one is refused for what was tried with the other.
 */
const asWrong = (error: unknown): undefined => {
  if (error instanceof GatehouseError && error.code === 'too_many_requests') return undefined
  throw error
}

export function createMailedProofs({
  store,
  clock,
  ring,
}: {
  readonly store: Store
  readonly clock: Clock
  readonly ring: KeyRing
}): MailedProofs {
  const ofMail = createTryLimit({ store, clock }, perMail)
  const ofAddress = createTryLimit({ store, clock }, perAddress)

  const buildRow = (row: Pick<MailedProofRow, 'hash' | 'purpose' | 'code_mac'>, proof: NewProof): MailedProofRow => {
    const { userId, asker, details } = proof
    const now = clock.now()
    return {
      ...row,
      address: joinPlace(row.purpose, proof),
      user_id: userId ?? null,
      browser_hash: asker ?? null,
      sealed: details ? sealUnder(ring, JSON.stringify(details), placeOf(row.hash)) : null,
      created_at: now,
      expires_at: seconds(now + proofLifetimes[row.purpose]),
    }
  }
  const read = (row: MailedProofRow | undefined): MailedProof | undefined => {
    if (!row) return undefined
    const text = row.sealed === null ? '{}' : unsealUnder(ring, row.sealed, placeOf(row.hash))
    if (text === undefined) return undefined
    const { purpose, user_id, browser_hash } = row
    // Only `buildRow` above makes what opens here.
    const details = JSON.parse(text) as JsonObject
    return { purpose, address: addressOf(row), userId: user_id ?? undefined, asker: browser_hash ?? undefined, details }
  }
  /** What a token says that it is for, if that is one of what is asked for. */
  const present = (token: string, purposes: readonly LinkPurpose[]) => {
    const purpose = purposes.find((one) => token.startsWith(prefixes[one]))
    return purpose && /^gh[a-z]_[\w-]{43}$/.test(token) ? { hash: digest(token), purpose, now: clock.now() } : undefined
  }
  /** A code is short: what is kept of it must not be tried out by whoever reads the database. */
  const macOf = (asker: string, code: string): string =>
    createHmac('sha256', ring.current.key)
      .update(`${asker}\n${code.replaceAll(/\s/g, '')}`)
      .digest('base64url')
  const codeOf = (asker: string) => ({ hash: digest(`code\n${asker}`), purpose: 'sign_in_code' as const })

  return {
    newToken: (purpose) => `${prefixes[purpose]}${randomToken(32)}`,

    async putLink(tables, { purpose, token, ...proof }) {
      await tables.mailedProofs.put(buildRow({ hash: digest(token), purpose, code_mac: null }, proof))
    },

    withdrawLink: (tables, purpose, address) => tables.mailedProofs.deleteByAddress(purpose, address),

    async findLink(token, purposes) {
      const presented = present(token, purposes)
      return presented && read(await store.mailedProofs.find(presented))
    },

    async consumeLink(tables, token, purposes) {
      const presented = present(token, purposes)
      return presented && read(await tables.mailedProofs.consume({ ...presented, code_mac: null }))
    },

    newCode: () => String(randomInt(100_000_000)).padStart(8, '0'),

    async putCode(tables, code, proof) {
      const { asker } = proof
      // Who asks has one code at a time: they may have asked for another account before.
      await tables.mailedProofs.delete(codeOf(asker).hash)
      await tables.mailedProofs.put(buildRow({ ...codeOf(asker), code_mac: macOf(asker, code) }, proof))
    },

    async checkCode(asker, code) {
      const row = await store.mailedProofs.find({ ...codeOf(asker), now: clock.now() })
      // There is nothing to guess, and nothing to count: strangers could have it counted for any number of askers.
      if (!row) return undefined
      const mac = Buffer.from(macOf(asker, code))
      const isRight = row.code_mac !== null && timingSafeEqual(Buffer.from(row.code_mac), mac)
      const attempt = async () => (isRight ? row : undefined)
      const found = await ofMail.limited([`mailed-code:${row.hash}`], () =>
        ofAddress.limited([`mailed-code:address:${digest(addressOf(row))}`], attempt).catch(asWrong),
      )
      return read(found)
    },

    async consumeCode(tables, asker, code) {
      const presented = { ...codeOf(asker), now: clock.now(), code_mac: macOf(asker, code) }
      return read(await tables.mailedProofs.consume(presented))
    },
  }
}
