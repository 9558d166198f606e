import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The project's folder. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)))
const stamps = join(root, 'node_modules', '.gatehouse')

const say = (text) => process.stdout.write(`${text}\n`)

/** Stops with a message where Node is too old for the code that would follow. */
export function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return
  say(`Gatehouse needs Node 20.19 or newer; this is ${process.versions.node}.`)
  process.exit(1)
}

/** Installs the npm packages where what is there is not what the lock file asks for. */
export async function ensureInstalled() {
  if (isInstalled()) return
  const compiling = 'to compile SQLite where no prebuilt one can be fetched'
  ensureSystemPackages([
    { command: 'python3', package: 'python3', for: compiling },
    { command: 'make', package: 'make', for: compiling },
    { command: 'g++', package: 'g++', for: compiling },
  ])
  say('Installing packages …')
  const code = await runWatching('npm', ['ci', '--include=dev', '--foreground-scripts', '--no-audit', '--no-fund'], {
    pattern: /gyp/,
    message: 'Compiling SQLite, since no prebuilt one could be fetched: about 50 s …',
  })
  if (code !== 0) process.exit(code)
}

/** Whether npm's own record of what it installed names every package of the lock file, in that version. */
function isInstalled() {
  const record = join(root, 'node_modules/.package-lock.json')
  if (!existsSync(record)) return false
  const installed = JSON.parse(readFileSync(record, 'utf8')).packages
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages
  return Object.entries(wanted).every(
    ([path, entry]) =>
      !path.startsWith('node_modules/') || entry.optional || installed[path]?.version === entry.version,
  )
}

/** Builds the program and the example where a source has changed since the last time. */
export async function ensureBuilt() {
  const wanted = hashOf(sourceFiles())
  const built = existsSync(join(root, 'packages/gatehouse/dist/gatehouse.mjs'))
  if (built && readStamp('built') === wanted) return
  say('Building …')
  const { status } = spawnSync(process.execPath, [join(root, 'scripts/build.mjs')], { stdio: 'inherit', cwd: root })
  if (status !== 0) process.exit(status ?? 1)
  writeStamp('built', wanted)
}

/**
 * Installs missing Debian packages where this is root on a system with apt-get; elsewhere says what is missing and how to
 * get it. Answers with the commands that are still missing.
 */
export function ensureSystemPackages(wanted) {
  const missing = wanted.filter((entry) => !isThere(entry))
  if (missing.length === 0) return []
  const names = missing.map((entry) => entry.package)
  if (process.getuid?.() === 0 && hasCommand('apt-get')) {
    say(`Installing system packages: ${names.join(' ')} …`)
    const quiet = { stdio: 'ignore', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }
    spawnSync('apt-get', ['update'], quiet)
    spawnSync('apt-get', ['install', '-y', '--no-install-recommends', ...names], quiet)
  }
  const stillMissing = missing.filter((entry) => !isThere(entry))
  for (const entry of stillMissing)
    say(`Missing: ${entry.command ?? entry.file}, ${entry.for}. Get it with: apt-get install ${entry.package}`)
  return stillMissing.map((entry) => entry.package)
}

/** The browser that judges the pages. */
export const chromium = { command: 'chromium', package: 'chromium', for: 'a browser in front of the pages' }

/** Whether a package is there: by its command or, where it has none, by a file. */
const isThere = ({ command, file }) => (command === undefined ? existsSync(file) : hasCommand(command))

function hasCommand(command) {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin']
  return folders.some((folder) => folder !== '' && existsSync(join(folder, command)))
}

/** Runs a command, shows its output only when it fails, and says one thing when a line matches. */
function runWatching(command, args, { pattern, message }) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    let said = false
    const listen = (chunk) => {
      output = (output + chunk).slice(-100_000)
      if (!said && pattern.test(String(chunk))) {
        said = true
        say(message)
      }
    }
    child.stdout.on('data', listen)
    child.stderr.on('data', listen)
    child.on('close', (code) => {
      if (code !== 0) say(output)
      resolve(code ?? 1)
    })
  })
}

function sourceFiles() {
  const files = ['package-lock.json', 'scripts/build.mjs']
  for (const folder of ['packages', 'examples']) walk(join(root, folder), files)
  return files.map((file) => (file.startsWith(root) ? file : join(root, file))).sort()
}

function walk(folder, files) {
  for (const name of readdirSync(folder)) {
    if (name === 'node_modules' || name === 'dist') continue
    const path = join(folder, name)
    if (statSync(path).isDirectory()) walk(path, files)
    else if (/\.(ts|mjs|json)$/.test(name) && !/\.test\.ts$/.test(name)) files.push(path)
  }
}

function hashOf(files) {
  const hash = createHash('sha256')
  for (const file of files) hash.update(relative(root, file)).update('\0').update(readFileSync(file)).update('\0')
  return hash.digest('hex')
}

const readStamp = (name) => (existsSync(join(stamps, name)) ? readFileSync(join(stamps, name), 'utf8') : undefined)

function writeStamp(name, value) {
  mkdirSync(stamps, { recursive: true })
  writeFileSync(join(stamps, name), value)
}
