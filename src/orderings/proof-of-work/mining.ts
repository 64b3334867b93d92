import { ServiceList } from '../../lifecycle/service.js'
import type { Producer, ProducerContext } from '../producer.js'
import { HashPool } from './hash-pool.js'
import { Miner } from './miner.js'

/** A miner with its threads: they start before it does, and stop after it. */
export function mining(context: ProducerContext): Producer {
  const pool = new HashPool(context)
  const miner = new Miner({ ...context, pool })
  const services = new ServiceList([pool, miner])
  return {
    start: () => services.start(),
    stop: () => services.stop(),
    headChanged: () => miner.headChanged(),
    pendingChanged: () => miner.pendingChanged(),
    produce: (count, signal) => miner.produce(count, signal),
    hashesPerSecond: () => pool.hashesPerSecond()
  }
}
