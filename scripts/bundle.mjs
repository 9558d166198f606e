import { copyFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { build } from 'tsdown'
import { escapeCode } from './escape-code.mjs'
import { root } from './prepare.mjs'

export { root }

/** Native modules stay outside of every bundle; pg-native is optional to pg and never there. */
const outside = ['better-sqlite3', '@node-rs/argon2', '@node-rs/bcrypt', 'pg-native']
/**
 * What need not be read at a start is left out: comments, space, long names of what is local. Functions and classes keep their
 * names, by which a stack trace in the log is read.
 */
const minify = { compress: { keepNames: { function: true, class: true } }, mangle: { keepNames: true }, codegen: true }
/**
 * undici's client of HTTP/2, which it loads for everybody, together with Node's: that is spoken by code of our own, which loads it
 * where it is asked for.
 */
const withoutHttp2 = {
  name: 'without-http2',
  load: (id) =>
    id.endsWith('/undici/lib/dispatcher/client-h2.js')
      ? "module.exports = () => { throw new Error('undici is not asked for HTTP/2') }"
      : undefined,
}
/** Programs of worker threads, from the folder of packages. */
const workers = [
  'store/src/sqlite/sqlite-worker.mjs',
  'auth/src/domain/hash-worker.mjs',
  'auth/src/federation/module-worker.mjs',
]

/**
 * Bundles an entry with everything that it imports but native modules, and puts the worker threads beside it, which are
 * loaded by their addresses. `folder` is from the project's folder.
 */
export async function bundle({ folder, entry, outDir }) {
  await build({
    cwd: join(root, folder),
    entry,
    outDir,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    logLevel: 'error',
    clean: true,
    fixedExtension: true,
    sourcemap: true,
    minify,
    plugins: [withoutHttp2],
    dts: false,
    deps: { neverBundle: outside, alwaysBundle: (id) => !outside.includes(id) },
    inputOptions: { resolve: { conditionNames: ['gatehouse-source', 'node'] } },
  })
  escapeCode(outDir)
  for (const worker of workers) copyFileSync(join(root, 'packages', worker), join(outDir, basename(worker)))
}
