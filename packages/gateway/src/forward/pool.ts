import Pool from 'undici/lib/dispatcher/pool.js'

/**
 * undici's connection pool, from its own file: the package's front door also loads fetch, WebSocket, caches and mocks, which
 * nothing here uses and which took a third of the program's start. The version is pinned for that reason.
 */
export { Pool }
