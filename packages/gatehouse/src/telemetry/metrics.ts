/**
 * Counters as plain numbers that /metrics reads, in the Prometheus text format (version 0.0.4). Counting must cost no more
 * than a look-up and an addition, since it stands on the path of every request.
 */

type Labels = Readonly<Record<string, string>>

const escapeLabel = (value: string): string =>
  value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')

const formatLabels = (labels: Labels): string => {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`)
  return parts.length === 0 ? '' : `{${parts.join(',')}}`
}

/** Something that /metrics shows. */
export interface Metric {
  render(): string
}

const heading = (name: string, help: string, type: string): string => `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`

/** Counts by one label. */
export class Counter implements Metric {
  readonly #name: string
  readonly #help: string
  readonly #label: string
  readonly #values = new Map<string, number>()

  constructor(name: string, help: string, label: string) {
    this.#name = name
    this.#help = help
    this.#label = label
  }

  count(value: string): void {
    this.#values.set(value, (this.#values.get(value) ?? 0) + 1)
  }

  render(): string {
    const lines = [...this.#values].map(
      ([value, number]) => `${this.#name}${formatLabels({ [this.#label]: value })} ${number}\n`,
    )
    return heading(this.#name, this.#help, 'counter') + lines.join('')
  }
}

/** Counts by two labels. */
export class PairCounter implements Metric {
  readonly #name: string
  readonly #help: string
  readonly #labels: readonly [string, string]
  readonly #values = new Map<string, Map<string, number>>()

  constructor(name: string, help: string, labels: readonly [string, string]) {
    this.#name = name
    this.#help = help
    this.#labels = labels
  }

  count(first: string, second: string): void {
    let below = this.#values.get(first)
    if (!below) {
      below = new Map()
      this.#values.set(first, below)
    }
    below.set(second, (below.get(second) ?? 0) + 1)
  }

  render(): string {
    let text = heading(this.#name, this.#help, 'counter')
    for (const [first, below] of this.#values) {
      for (const [second, number] of below) {
        text += `${this.#name}${formatLabels({ [this.#labels[0]]: first, [this.#labels[1]]: second })} ${number}\n`
      }
    }
    return text
  }
}

const bounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

interface Distribution {
  readonly buckets: Float64Array
  sum: number
}

/** Durations in seconds, by one label. */
export class Histogram implements Metric {
  readonly #name: string
  readonly #help: string
  readonly #label: string
  readonly #values = new Map<string, Distribution>()

  constructor(name: string, help: string, label: string) {
    this.#name = name
    this.#help = help
    this.#label = label
  }

  observe(label: string, seconds: number): void {
    let distribution = this.#values.get(label)
    if (!distribution) {
      distribution = { buckets: new Float64Array(bounds.length + 1), sum: 0 }
      this.#values.set(label, distribution)
    }
    let index = 0
    while (index < bounds.length && seconds > (bounds[index] as number)) index += 1 // index is within the list
    distribution.buckets[index] = (distribution.buckets[index] ?? 0) + 1
    distribution.sum += seconds
  }

  render(): string {
    let text = heading(this.#name, this.#help, 'histogram')
    for (const [value, { buckets, sum }] of this.#values) {
      let below = 0
      for (const [index, number] of buckets.entries()) {
        below += number
        text += `${this.#name}_bucket${formatLabels({ [this.#label]: value, le: String(bounds[index] ?? '+Inf') })} ${below}\n`
      }
      text += `${this.#name}_sum${formatLabels({ [this.#label]: value })} ${sum}\n`
      text += `${this.#name}_count${formatLabels({ [this.#label]: value })} ${below}\n`
    }
    return text
  }
}

/** A value that is read when /metrics is; a counter where it only grows. */
export class Gauge implements Metric {
  readonly #name: string
  readonly #help: string
  readonly #read: () => number
  readonly #type: 'gauge' | 'counter'

  constructor(name: string, help: string, read: () => number, type: 'gauge' | 'counter' = 'gauge') {
    this.#name = name
    this.#help = help
    this.#read = read
    this.#type = type
  }

  render(): string {
    return `${heading(this.#name, this.#help, this.#type)}${this.#name} ${this.#read()}\n`
  }
}
