import { Secret, TOTP } from 'otpauth'
import { TestBrowser } from './browser.ts'
import { goodPassword, issuer, type StartedAuth } from './start-auth.ts'

/** The code that an authenticator app with this secret shows now. */
export const currentCode = ({ clock }: Pick<StartedAuth, 'clock'>, secret: string): string =>
  new TOTP({ secret: Secret.fromBase32(secret), algorithm: 'SHA1', digits: 6, period: 30 }).generate({
    timestamp: clock.milliseconds(),
  })

/** Sets up an authenticator app for a user with the usual password, in a browser of its own; the app's secret. */
export async function addTotp(started: StartedAuth, username: string): Promise<string> {
  const browser = new TestBrowser(started.url, issuer)
  const security = await browser.signIn(await browser.get('/account/security'), username, goodPassword)
  const page = await browser.post('/account/totp', { flow: security.form.fields.flow ?? '' })
  const secret = /id="secret"[^>]*>([^<]*)</.exec(page.text)?.[1] ?? ''
  const done = await browser.submit(page, { code: currentCode(started, secret) })
  if (done.status !== 200) throw new Error(`the app was not set up: ${done.status}`)
  // A code counts once; the next one is there after a time step.
  started.clock.advance(30)
  return secret
}
