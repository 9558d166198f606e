/** Why nothing came of asking a provider. */
export type ProviderFailureReason =
  /** It does not answer, answers too slowly, or says that it is out of order. */
  | 'unavailable'
  /** The person has called it off there. */
  | 'cancelled'
  /** It says no: a wrong password, or somebody who may not sign in. */
  | 'refused'
  /** What it answered is not what it should be: a signature, an issuer, an audience, a nonce, a time, a replay. */
  | 'invalid_answer'
  /** It does not know Gatehouse, or not under these settings. */
  | 'misconfigured'

/** How far it came with what a provider was asked: from that follows whether a password may have been wrong, and whether to ask on. */
export type FailureStage =
  /** It heard no password, or turns everybody away: it is away, and nobody has guessed anything. */
  | 'unasked'
  /** It was not asked, since too many others are being asked already: it may be as well as ever. */
  | 'crowded'
  /** It heard everything and said nothing in time: it is away, and may have judged. */
  | 'unanswered'
  /** It answered, and what was asked may have brought that about: a wrong password, or an odd name. */
  | 'answered'
  /** It answered about something but the password: none could have brought that about. */
  | 'beside'

/**
 * The one error of providers. `detail` goes to the audit trail and the log: it says what was wrong and carries no token,
 * secret, password or assertion. People are told a sentence for `reason` and no more.
 */
export class ProviderFailure extends Error {
  readonly reason: ProviderFailureReason
  readonly detail: string
  /** Unless a kind says otherwise by {@link at}, what is `unavailable` said nothing, and anything else is an answer. */
  readonly stage: FailureStage

  constructor(reason: ProviderFailureReason, detail: string, cause?: unknown, stage?: FailureStage) {
    super(`the provider failed: ${reason}`, { cause })
    this.name = 'ProviderFailure'
    this.reason = reason
    this.detail = detail
    this.stage = stage ?? (reason === 'unavailable' ? 'unanswered' : 'answered')
  }

  /** The same failure at another stage. */
  at(stage: FailureStage): ProviderFailure {
    return new ProviderFailure(this.reason, this.detail, this.cause, stage)
  }
}

/** What a browser brought says that the provider failed: that may be anybody's word, and never counts against the provider. */
export class BroughtFailure extends ProviderFailure {}

/** There is nothing of somebody's to ask the provider with, and never will be until they sign in anew. */
export class NothingToAskWith extends ProviderFailure {
  constructor(detail: string) {
    super('misconfigured', detail)
  }
}
