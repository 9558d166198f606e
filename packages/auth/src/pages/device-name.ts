/** Programs and systems by what stands in a user agent; the first that fits, since many name others beside themselves. */
const programs: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/\bEdg(?:e|A|iOS)?\//, 'Edge'],
  [/\b(?:OPR|Opera)\//, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\b(?:Firefox|FxiOS)\//, 'Firefox'],
  [/\b(?:HeadlessChrome|Chrome|CriOS|Chromium)\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
  [/^curl\//, 'curl'],
]
const systems: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/\b(?:iPhone|iPod)\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b/, 'macOS'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bLinux\b/, 'Linux'],
]

/**
 * What people call a program and the system it runs on, such as `Firefox, Windows`; the user agent itself where neither is
 * known. A hint and no more: programs say of themselves what they like.
 */
export function nameDevice(userAgent: string): string {
  const find = (known: typeof programs): string | undefined => known.find(([pattern]) => pattern.test(userAgent))?.[1]
  const names = [find(programs), find(systems)].filter((name) => name !== undefined)
  return names.length === 0 ? userAgent.slice(0, 80) : names.join(', ')
}
