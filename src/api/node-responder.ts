import { type NodeInfo, shortened } from '../core/node-info.js'
import type { Query } from '../core/query.js'
import { type Reply, type Responder, replyWith } from './responder.js'

/** Tells of the peer itself. */
export class NodeResponder implements Responder {
  constructor(private readonly info: () => NodeInfo) {}

  reply(query: Query): Reply | undefined {
    return query.kind === 'node' ? replyWith({ kind: 'node', ...shortened(this.info()) }) : undefined
  }
}
