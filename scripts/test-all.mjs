// `npm run test:all`: the tests, and those that need foreign programs (test/interop, test/browser), which it installs
// where it may.
// With --only-interop those alone. Further arguments go to vitest.
import { ensureForeignPrograms } from './foreign-programs.mjs'
import { checkNode, chromium, ensureBuilt, ensureInstalled, ensureSystemPackages } from './prepare.mjs'
import { runTests } from './run-tests.mjs'

checkNode()
await ensureInstalled()
await ensureBuilt()

const missing = ensureSystemPackages([
  { command: 'nginx', package: 'nginx-light', for: 'a gateway of somebody else' },
  { command: 'caddy', package: 'caddy', for: 'another one' },
  { command: 'haproxy', package: 'haproxy', for: 'a third one' },
  {
    file: '/usr/lib/python3/dist-packages/jwcrypto/__init__.py',
    package: 'python3-jwcrypto',
    for: 'a verifier of tokens in another language',
  },
  { command: 'slapd', package: 'slapd', for: 'a directory' },
  { command: 'ldapmodify', package: 'ldap-utils', for: 'changes in a directory' },
  { file: '/usr/share/simplesamlphp/www/module.php', package: 'simplesamlphp', for: 'a SAML identity provider' },
  { command: 'php', package: 'php-cli', for: 'what that runs on' },
  // php-cgi: Debian's php would bring Apache along.
  { command: 'php-cgi', package: 'php-cgi', for: 'the same' },
  { file: '/usr/share/doc/php-xml', package: 'php-xml', for: 'the same' },
  { command: 'pip3', package: 'python3-pip', for: 'servers that Debian does not have' },
  chromium,
])
missing.push(...ensureForeignPrograms())

const args = process.argv.slice(2).filter((argument) => argument !== '--only-interop')
const isOnly = process.argv.includes('--only-interop')
// vitest runs what fits any of its words.
const folders = ['test/interop/', 'test/browser/']
const words = args.length > 0 ? folders.flatMap((folder) => args.map((word) => folder + word)) : folders
runTests(isOnly ? words : args, { GATEHOUSE_INTEROP: '1', GATEHOUSE_MISSING: missing.join(' ') })
