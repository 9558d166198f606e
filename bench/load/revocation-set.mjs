// The memory that a set of so many revocations takes. Arguments: the bundled module of it, how many. Run with --expose-gc.
// Writes one line of JSON: MB.
const [module, count] = process.argv.slice(2)
const { createRevocationSet } = await import(module)
const heap = () => {
  global.gc()
  global.gc()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
const before = heap()
const set = createRevocationSet()
for (let index = 0; index < Number(count); index += 1) {
  // As they come out of JSON: a new text each, 22 characters as ids are.
  const value = Buffer.from(`${index}`.padStart(16, 'r')).toString('base64url')
  set.add([{ kind: 'sid', value, issued_before: null, expires_at: 1_900_000_000 + index }])
}
const after = heap()
process.stdout.write(`${JSON.stringify({ mb: (after - before) / 1e6, size: set.size })}\n`)
