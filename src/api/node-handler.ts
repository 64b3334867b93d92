import { type NodeInfo, shortened } from '../core/node-info.js'
import type { Query } from '../core/query.js'
import { type Handler, type Reply, replyWith } from './handler.js'

/** Tells of the peer itself. */
export class NodeHandler implements Handler {
  constructor(private readonly info: () => NodeInfo) {}

  reply(query: Query): Reply | undefined {
    return query.kind === 'node' ? replyWith({ kind: 'node', ...shortened(this.info()) }) : undefined
  }
}
