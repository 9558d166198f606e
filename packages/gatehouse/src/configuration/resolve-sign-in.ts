import { mailedMethods, type SignInMethod, signInMethods } from '@gatehouse/auth/domain/sign-in-methods'
import type { SignUpPolicy } from '@gatehouse/auth/domain/sign-up'
import type { Report } from './problem.ts'
import type { ConfigurationFile } from './schema.ts'

interface Context {
  readonly development: boolean
  /** Whether people can be sent mails. */
  readonly canSend: boolean
  /** Scopes that routes ask for. */
  readonly scopes: readonly string[]
  readonly report: Report
}

const needsMail = 'people are mailed a link, and there is no way to send it: add mail'

/** Who may open an account: in development everybody, who then may do what the routes ask for. */
export function resolveSignUp({ sign_up }: ConfigurationFile, context: Context): SignUpPolicy {
  const { development, canSend, scopes, report } = context
  const mode = sign_up?.mode ?? (development ? 'open' : 'off')
  const domains = (sign_up?.domains ?? []).map((domain) => domain.toLowerCase())
  if (mode !== 'off' && !canSend) report(['sign_up', 'mode'], needsMail)
  if (mode === 'domains' && domains.length === 0)
    report(['sign_up', 'domains'], 'expected a list of domains such as [example.com]')
  if (mode !== 'domains' && domains.length > 0) report(['sign_up', 'domains'], 'counts with `mode: domains` alone')
  for (const [index, domain] of domains.entries()) {
    if (!/^([a-z0-9-]+\.)+[a-z0-9-]+$/.test(domain))
      report(['sign_up', 'domains', index], 'expected a domain such as example.com')
  }
  const usual = development ? [...scopes] : []
  return { mode, domains, scopes: sign_up?.scopes ?? usual, roles: sign_up?.roles ?? [], terms: sign_up?.terms }
}

/** How people prove who they are. */
export function resolveSignInMethods(
  { sign_in }: ConfigurationFile,
  { development, canSend, report }: Context,
): ReadonlySet<SignInMethod> {
  const methods = sign_in?.methods ?? (development ? signInMethods : signInMethods.slice(0, 2))
  for (const [index, method] of methods.entries()) {
    if (mailedMethods.some((mailed) => mailed === method) && !canSend) report(['sign_in', 'methods', index], needsMail)
  }
  return new Set(methods)
}
