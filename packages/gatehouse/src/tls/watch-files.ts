import { type FSWatcher, watch } from 'node:fs'
import { dirname } from 'node:path'

/** Milliseconds in which several changes count as one: a certificate and its key are two files. */
const settle = 500
/** Milliseconds between two looks where the file system tells nothing. */
const pollEvery = 60_000

/**
 * Calls back when something may have changed about some files, and once a minute in any case, since not every file system
 * tells. The folders are watched and not the files, which are mostly replaced by renaming: a watch would stay with the old
 * one. Keeps no process alive. The returned function ends it.
 */
export function watchFiles(paths: readonly string[], onChange: () => void): () => void {
  let pending: NodeJS.Timeout | undefined
  const soon = (): void => {
    clearTimeout(pending)
    pending = setTimeout(onChange, settle).unref()
  }
  const watchers = [...new Set(paths.map((path) => dirname(path)))].flatMap((folder) => watchFolder(folder, soon))
  const timer = setInterval(onChange, pollEvery).unref()
  return () => {
    clearTimeout(pending)
    clearInterval(timer)
    for (const watcher of watchers) watcher.close()
  }
}

/** No watcher where the file system has none to give: the timer still looks. */
function watchFolder(folder: string, onChange: () => void): readonly FSWatcher[] {
  try {
    const watcher = watch(folder, { persistent: false }, onChange)
    watcher.on('error', () => watcher.close())
    return [watcher]
  } catch {
    return []
  }
}
