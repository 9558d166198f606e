import { monitorEventLoopDelay } from 'node:perf_hooks'
import { countDroppedLines } from './line-writer.ts'
import { Counter, Gauge, Histogram, type Metric, PairCounter } from './metrics.ts'

/** Everything that is counted, in one place. */
export interface Telemetry {
  readonly signIns: Counter
  readonly tokensIssued: Counter
  readonly validations: Counter
  readonly mails: Counter
  readonly clientNotices: PairCounter
  readonly breachedPasswordLookups: Counter
  readonly decisions: PairCounter
  readonly observations: PairCounter
  readonly gatewaySeconds: Histogram
  readonly endpointSeconds: Histogram
  readonly endpointAnswers: PairCounter
  readonly backgroundFailures: Counter
  /** Adds what only the composed program knows. */
  watch(name: string, help: string, read: () => number): void
  /** The text of /metrics. */
  render(): string
}

export function createTelemetry(): Telemetry {
  const lag = monitorEventLoopDelay({ resolution: 20 })
  lag.enable()
  const named = {
    signIns: new Counter('gatehouse_sign_ins_total', 'Sign-ins by result', 'result'),
    tokensIssued: new Counter('gatehouse_tokens_issued_total', 'Token responses by grant type', 'grant_type'),
    validations: new Counter('gatehouse_validations_total', 'Answers of /validate by reason', 'reason'),
    mails: new Counter('gatehouse_mails_total', 'What became of mails', 'result'),
    clientNotices: new PairCounter(
      'gatehouse_client_notices_total',
      'What became of tries to tell clients: logout notices and pings of CIBA',
      ['kind', 'result'],
    ),
    breachedPasswordLookups: new Counter(
      'gatehouse_breached_password_lookups_total',
      'Look-ups in the list of breached passwords that failed',
      'result',
    ),
    decisions: new PairCounter('gatehouse_gateway_decisions_total', 'Decisions of the gateway', ['route', 'outcome']),
    observations: new PairCounter(
      'gatehouse_gateway_observations_total',
      'What rules that are only observed would have decided',
      ['route', 'outcome'],
    ),
    gatewaySeconds: new Histogram('gatehouse_gateway_seconds', 'From a request to its answer, by route', 'route'),
    endpointSeconds: new Histogram('gatehouse_endpoint_seconds', 'From a request to its answer, by path', 'path'),
    endpointAnswers: new PairCounter('gatehouse_endpoint_answers_total', 'Answers of Gatehouse’s own endpoints', [
      'path',
      'status',
    ]),
    backgroundFailures: new Counter(
      'gatehouse_background_failures_total',
      'Background jobs that failed, by job',
      'job',
    ),
  }
  const gauges: Metric[] = [
    new Gauge('gatehouse_event_loop_lag_p99_seconds', 'How late the event loop was since the last reading', () => {
      const seconds = lag.percentile(99) / 1e9
      lag.reset()
      return seconds
    }),
    new Gauge('process_resident_memory_bytes', 'Resident memory', () => process.memoryUsage.rss()),
    new Gauge('process_cpu_seconds_total', 'Processor time', () => {
      const { user, system } = process.cpuUsage()
      return (user + system) / 1e6
    }),
    new Gauge(
      'gatehouse_log_lines_dropped_total',
      'Lines of the log that could not be written',
      countDroppedLines,
      'counter',
    ),
  ]
  return {
    ...named,
    watch(name, help, read) {
      gauges.push(new Gauge(name, help, read))
    },
    render: () => [...Object.values(named), ...gauges].map((metric) => metric.render()).join(''),
  }
}
