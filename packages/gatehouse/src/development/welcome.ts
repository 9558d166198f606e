import { demoPassword } from './demo-data.ts'
import type { Tour } from './tour.ts'

/** What is told at the start in development mode. */
export interface WelcomeParts {
  readonly url: string
  readonly tour: Tour
  /** How this program is called on the command line, and with which options for this configuration. */
  readonly program: string
  readonly options: string
  /** The database that the environment names in place of the file, if it does. */
  readonly database: string | undefined
}

/** A text as one word for the shell. */
export const shellWord = (text: string): string =>
  /^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`

/** Makes the commands after it use the same database; an address, which may have a password in it, is not told. */
const exportOf = (database: string | undefined): string =>
  database === undefined || database === '' || database.includes('://')
    ? ''
    : `  export GATEHOUSE_DATABASE=${shellWord(database)}\n`

const readMember = (name: string): string => `sed 's/.*"${name}":"\\([^"]*\\)".*/\\1/'`

/** What to try next, as commands that can be pasted one after the other, with the routes that there are. */
export function welcome({ url, tour, program, options, database }: WelcomeParts): string {
  const { call, page, onTrial } = tour
  const lacks = call && call.lacking.length > 0 ? `: 403, since alice lacks ${call.lacking.join(' and ')}` : ''
  const asked = onTrial ?? { method: 'GET', path: call?.path ?? page }
  const parts = [
    `
Gatehouse is ready at ${url}

Try it (paste one after the other):

  # sign in: an access token and a refresh token
  PAIR=$(curl -s ${url}/login -H 'content-type: application/json' -d '{"username":"alice","password":"${demoPassword}"}'); echo "$PAIR"
  TOKEN=$(echo "$PAIR" | ${readMember('access_token')}); REFRESH=$(echo "$PAIR" | ${readMember('refresh_token')})
`,
    call &&
      `
  # call a service through the gateway${lacks}
  curl -i ${url}${call.path} -H "authorization: Bearer $TOKEN"
`,
    `
  # refresh: a new pair
  PAIR=$(curl -s ${url}/token/refresh -H 'content-type: application/json' -d "{\\"refresh_token\\":\\"$REFRESH\\"}"); echo "$PAIR"
  TOKEN=$(echo "$PAIR" | ${readMember('access_token')})

  # is the token good, now?
  curl -s ${url}/validate -H 'content-type: application/json' -d "{\\"token\\":\\"$TOKEN\\",\\"audience\\":\\"${url}\\"}"; echo

  # log out${call ? ', and see 401' : ''}
  curl -i -X POST ${url}/logout -H "authorization: Bearer $TOKEN"
`,
    call &&
      `  curl -i ${url}${call.path} -H "authorization: Bearer $TOKEN"

  # why was that refused?
  ID=$(curl -s ${url}${call.path} -H "authorization: Bearer $TOKEN" | ${readMember('decision_id')}); sleep 2
${exportOf(database)}  ${program} explain "$ID" ${options}
`,
    asked.path !== undefined &&
      `
  # who would be let through?
${call ? '' : exportOf(database)}  ${program} can bob ${asked.method} ${asked.path} ${options}
`,
    call === undefined &&
      page === undefined &&
      `
No route asks for a token yet: add some under services in the configuration file; ${program} reload ${options} takes them.
`,
    page !== undefined &&
      `
In a browser, ${url}${page}: an app that leads to sign in and back. Open it twice: who signs out in one is signed out in both.
`,
    onTrial &&
      `
A rule is on trial (observe) for ${onTrial.method} ${onTrial.path}: whom it would refuse is let through, and stands in the log and in ${url}/metrics.
`,
    `
Users alice and bob (password ${demoPassword}); service client demo-service (secret demo-service-secret).
Apps demo-web (secret demo-web-secret) and demo-spa (public), both for http://127.0.0.1:39002/cb.
OpenID Connect: ${url}/.well-known/openid-configuration   API: ${url}/docs
Stop with Ctrl-C.

`,
  ]
  return parts.filter((part) => typeof part === 'string').join('')
}
