import { type Browser, type BrowserContextOptions, type CDPSession, chromium, type Page } from 'playwright-core'

/** Whether there is no chromium to run, and none could be installed. */
export const isMissing = (process.env.GATEHOUSE_MISSING ?? '').split(' ').includes('chromium')

/** For tests in a browser, which judge every page that they see: beside others they take their time. */
export const patience = { timeout: 90_000 }

/** Starts Debian's chromium, as it comes. */
export const startBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: '/usr/bin/chromium',
    // Its sandbox does not start for root.
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  })

/** A desk; {@link phone} is narrower than any that is sold. */
export const desk = { width: 1280, height: 900 }
export const phone = { width: 390, height: 844 }

/** What a person's browser is like, unless a test says otherwise. */
export const usual: BrowserContextOptions = {
  ...{ viewport: desk, locale: 'en-GB', colorScheme: 'light' },
  // What is on its way from one colour to another has no contrast that could be judged.
  reducedMotion: 'reduce',
}

/** An authenticator that belongs to one tab. */
export interface VirtualAuthenticator {
  /** Whether it answers by itself, as if somebody touched it each time. */
  setTouched(isTouched: boolean): Promise<void>
  /** Whether it finds that the right person holds it. */
  setVerified(isVerified: boolean): Promise<void>
  countPasskeys(): Promise<number>
}

/** Gives a tab an authenticator of the device itself, which keeps passkeys and checks who holds it. */
export async function addAuthenticator(page: Page): Promise<VirtualAuthenticator> {
  const session: CDPSession = await page.context().newCDPSession(page)
  await session.send('WebAuthn.enable')
  const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      ...{ protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true },
      ...{ isUserVerified: true, automaticPresenceSimulation: true },
    },
  })
  return {
    async setTouched(enabled) {
      await session.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled })
    },
    async setVerified(isUserVerified) {
      await session.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified })
    },
    async countPasskeys() {
      return (await session.send('WebAuthn.getCredentials', { authenticatorId })).credentials.length
    },
  }
}
