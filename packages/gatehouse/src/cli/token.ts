import { createSealedTokens } from '@gatehouse/auth/domain/sealed-tokens'
import { isRefusal } from '@gatehouse/core/contracts'
import { accessTokenType, identityTokenType } from '@gatehouse/core/wire-names'
import { createAccessTokenVerifier } from '@gatehouse/guard/access-token'
import { parseCompactToken, parseJsonPart } from '@gatehouse/guard/compact-token'
import type { Command } from 'commander'
import { escapeUnseen } from '../escape-unseen.ts'
import { readSecret } from './input.ts'
import { type ConfigurationOptions, withConfiguration, withKeys } from './open.ts'
import { answer, formatMoment } from './output.ts'

/** `gatehouse token inspect`: what an access token or an identity of the gateway says, and whether it is good. */
export function addTokenCommand(program: Command): void {
  const token = program.command('token').description('tokens')
  withConfiguration(token.command('inspect'))
    .description(
      'show what an access token says and whether it is good; the token comes from a prompt or standard input',
    )
    .addHelpText(
      'after',
      '\nExample:\n  $ echo "$TOKEN" | gatehouse token inspect\n\nExit code 1: the token is not good.\n',
    )
    .action(inspect)
}

async function inspect(options: ConfigurationOptions): Promise<void> {
  const token = (await readSecret('Token', { confirm: false })).trim()
  await withKeys(options, async ({ clock, configuration, revocations }, keys, rings) => {
    await revocations.load()
    const sealedTokens = createSealedTokens(rings['access-token'])
    const { issuer } = configuration
    const verifier = createAccessTokenVerifier({
      issuer,
      types: [accessTokenType, identityTokenType],
      keys,
      revocations: revocations.set,
      clock,
      openSealed: (sealed) => sealedTokens.open(sealed),
    })
    const verified = verifier.verify(token, undefined, 'not_presented')
    const parts = parseCompactToken(token)
    const header = parts && parseJsonPart(parts.headerPart)
    const claims = parts ? parseJsonPart(parts.payloadPart) : sealedTokens.open(token)?.claims
    const valid = !isRefusal(verified)
    const verdict = isRefusal(verified) ? { valid, reason: verified.refused } : { valid }
    const times = ['iat', 'auth_time', 'exp']
      .filter((name) => typeof claims?.[name] === 'number')
      .map((name) => `${name}: ${formatMoment(claims?.[name] as number)}`) // the line above has looked
    const text = [
      valid ? 'good' : `not good: ${isRefusal(verified) ? verified.refused : ''}`,
      ...(header ? [`header: ${JSON.stringify(header)}`] : []),
      ...(claims ? [`claims: ${JSON.stringify(claims, null, 2)}`] : []),
      ...times,
    ].join('\n')
    // Anybody may have written it.
    answer(options, { ...verdict, header: header ?? null, claims: claims ?? null }, escapeUnseen(text))
    if (!valid) process.exitCode = 1
  })
}
