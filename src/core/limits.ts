/**
 * Every limit of a peer, in one place. What decides whether a message or a block is valid stands in the network document
 * (`limits.messageBytes`, `ordering.blockSize`) or is part of the protocol, as all peers must agree on it.
 */
export const LIMITS = {
  /** Bytes a block may take at most: `blockSize` × `messageBytes` of a network document must stay below. */
  blockBytes: 16 * 1024 * 1024,
  /** Messages in a block, whatever `blockSize` a network document has. */
  blockMessages: 10_000,
  /** What decides about a body: arrays and objects in it inside one another, and its values in all. Part of the protocol. */
  bodyDepth: 32,
  bodyValues: 4_096,
  /** The same of the JSON Schema in a network document, with each `$ref` replaced, and the bytes of its canonical form. */
  schemaDepth: 64,
  schemaValues: 4_096,
  schemaBytes: 64 * 1024,
  /** Of a network document: bytes of its canonical form, and arrays and objects in it inside one another. */
  documentBytes: 4 * 1024 * 1024,
  documentDepth: 128,
  /** Envelopes in a bundle on the messages topic. */
  bundleMessages: 256,
  /** Bytes of a bundle; longer ones are rejected unread. */
  bundleBytes: 1024 * 1024,
  /** Bytes gossipsub takes in one RPC. It sends no more either: larger blocks are not published, followers ask for them. */
  gossipBytes: 4 * 1024 * 1024,
  /** Bytes gossipsub may queue for one slow reader before its stream is reset. */
  gossipQueueBytes: 64 * 1024 * 1024,
  /** How long gossipsub remembers a message id, ms. */
  gossipSeenMs: 60_000,
  /** How many it remembers; those seen first are forgotten first. */
  gossipSeenMessages: 100_000,
  /**
   * In one gossip RPC: messages, subscriptions, and control messages of each kind; one with more is dropped
   * unread. An honest peer answers an IWANT with all that it asks for, and has few topics.
   */
  gossipMessages: 5_000,
  gossipSubscriptions: 64,
  gossipControls: 16,
  /** Message ids in an IHAVE or IWANT. Gossipsub itself takes ten of each a second from a peer. */
  gossipIds: 5_000,
  /** Gossip streams that one connection may have open at once, each way. One is in use. */
  gossipStreams: 4,
  /** For how long there may be no gossip on a connection where some must come about, new or not, ms; then it is ended. */
  gossipStreamMs: 10_000,
  /** Messages that no honest peer sends or passes on, on any topic, of one host; past it each peer that sends one is disconnected. */
  invalidRate: { perSecond: 1, burst: 1_000 },
  /** How long gossipsub remembers the score of a peer that has gone, ms. Its ids are free. */
  gossipScoreMs: 10_000,
  /** How long a peer that was pruned from a mesh is not grafted again, ms, also where it asks for longer. */
  gossipBackoffMs: 60_000,
  /** Bytes of each of the ten messages in which a peer may say which protocols it speaks. */
  identifyBytes: 4 * 1024,

  /** Connections in all. */
  connections: 1000,
  /**
   * New connections from one host; many peers may share one. A host is an IPv4 address or an IPv6 /64: the owner of one
   * address of a /64 has all of them. Each takes 11 ms: what comes by the rate takes a quarter of a core.
   */
  connectionRate: { perSecond: 20, burst: 512 },
  /** New connections of all hosts. With more, each site has a few: who floods from many hosts keeps no other one out. */
  allConnectionsRate: { perSecond: 40, burst: 1_000 },
  fewConnectionsRate: { perSecond: 1, burst: 8 },
  /** Connections that one host may have open at once: half of them, and never more than it leaves for all others. */
  connectionsPerHost: 500,
  /** Connections that are still shaking hands, in all and of one site, an IPv4 /24 or an IPv6 /48: never all. */
  pendingConnections: 1_000,
  pendingConnectionsPerSite: 256,
  /** Bytes of a frame of the muxer, which is gathered whole, and so of the window of a stream. */
  muxerFrameBytes: 1024 * 1024,
  /** Bytes of those that are sent. */
  sentFrameBytes: 32 * 1024,
  /** Answers of the muxer itself, to pings and to streams too many, that wait for one slow reader. */
  unreadAnswers: 1_024,
  /** Streams of libp2p's own protocols, identify and gossip, that one connection opens: one of each does. */
  ownStreamRate: { perSecond: 1, burst: 16 },
  /** Those that one connection opens and agrees on no protocol for; each takes up to 1 ms. */
  bareStreamRate: { perSecond: 10, burst: 1_024 },
  /** The same of all connections of one host, and what each of them still has beyond that: an honest one needs little. */
  ownStreamsOfHostRate: { perSecond: 80, burst: 2_048 },
  bareStreamsOfHostRate: { perSecond: 20, burst: 4_096 },
  fewStreamsRate: { perSecond: 0.2, burst: 8 },
  /** Bytes that may wait for slow readers, all together: those with most are disconnected. */
  unsentBytes: 256 * 1024 * 1024,
  /** For how long what comes on connections is taken in one turn of the event loop before others have theirs, ms. */
  readingTurnMs: 10,
  /** How often it is looked for slow readers, dead connections, and those on which no gossip comes about, ms. */
  watchMs: 1_000,
  /** How long after the last answer a connection is pinged again, ms. Another connection of the same peer has it pinged at once. */
  pingMs: 5_000,
  /** Of how many of its connections, the newest ones. */
  doubtedConnections: 4,
  /** For how long nothing at all may come while it owes an answer, and for how long none, ms; then it is ended. */
  pingSilenceMs: 7_000,
  pingAnswerMs: 60_000,

  /** Lines of the negotiation of a stream's protocol: the header, and names to choose from. */
  negotiationLines: 16,
  /** Query streams that one connection may have open at once. */
  queryStreams: 32,
  /** Receipt streams that one connection may have open at once; the last one opened counts. */
  receiptStreams: 2,
  /** Followers that are told about all messages. */
  relays: 64,
  /** How long one that found no place asks for one, and another has had its own, before it takes that one's place, ms. */
  relayTurnMs: 60_000,
  /** Followers that had a place, with how long they had it, and sites that ask for one, which are remembered. */
  rememberedRelays: 1_024,
  /** Queries that are being answered at once, to all peers and to one of them. More are refused as busy. */
  queries: 256,
  queriesOfPeer: 32,
  /** Tokens for the queries of one peer: one for each, and what its answers cost; without one it is refused as rate limited. */
  queryRate: { perSecond: 500, burst: 1_000 },
  /**
   * How many answers, and how many bytes of them, cost a token. Measured by test/network/query-costs.test.ts: the CPU of
   * a query with one answer is that of about 50 headers, of 10 blocks, or of 30 KiB.
   */
  queryCost: { answersInToken: 32, bytesInToken: 32 * 1024 },
  /** Answers, and bytes, after which those who wait for other answers have their turn. */
  queryPiece: { answers: 64, bytes: 64 * 1024 },
  /** Streams that one peer opens, used or not; with more it is disconnected. By mplex as many as `burst` within a second. */
  streamRate: { perSecond: 1_000, burst: 3_000 },
  /** Peers, and authors, whose rates are remembered; of more, those silent longest are forgotten. */
  rememberedRates: 10_000,
  /** Envelopes are taken as those of a bundle are: their bytes, and what stands around them. */
  submissionBytes: 1024 * 1024 + 64,
  /** Submit streams that one connection may have open at once. */
  submitStreams: 2,
  /** Submissions that are being judged at once, of all peers and of one. More are refused as busy. */
  submissions: 64,
  submissionsOfPeer: 8,
  /** Tokens for the submissions of one peer: one for each, and what it costs; without one it is refused as rate limited. */
  submissionRate: { perSecond: 50, burst: 200 },
  /**
   * For how much validation, in messages as `validationQueueOfPeer` counts them, and for how many bytes of a submission
   * a token pays. A message takes about 0.1 ms, so that a peer gets a third of a core in the long run.
   */
  submissionCost: { weightInToken: 64, bytesInToken: 32 * 1024 },
  /** Waits before a query that was refused for now is asked again, ms; then it has failed. */
  askAgainMs: [250, 500, 1_000],
  /** Bytes of a query: the longest names blocks by their ids. */
  queryBytes: 4 * 1024,
  /** Bytes of an answer: a block and its peaks. */
  answerBytes: 17 * 1024 * 1024,
  /** Bytes of an answer that holds no block: one header or proof; and a page of accounts or what a peer says of itself. */
  smallAnswerBytes: 16 * 1024,
  listAnswerBytes: 256 * 1024,
  /** Blocks in one page of a range, and the bytes after which a page ends early: the reader's buffer. */
  rangeBlocks: 256,
  rangeBytes: 4 * 1024 * 1024,
  /** Headers in one page of them. */
  rangeHeaders: 1_000,
  /** Hashes of a proof in a log of up to 2^53 messages, or of the peaks of one; and of the path to an account. */
  treeHashes: 64,
  trieHashes: 256,
  /** Ids of blocks in one query. */
  blockIds: 64,
  /** Accounts in one page of them. */
  accountsPage: 1_000,
  /** Characters of the reason and of the detail of a refusal or a "not found", and of an address, that a peer reads. */
  reasonCharacters: 100,
  detailCharacters: 500,
  addressCharacters: 500,
  /** Addresses and peers that a peer tells of when it is asked about itself. */
  nodeAddresses: 16,
  nodePeers: 256,
  /** Chains that are offered and being looked at, at once, and those of one peer. More are refused as busy. */
  offers: 16,
  offersOfPeer: 1,
  /** How long blocks of one of them are fetched before others have their turn, ms; one of which none came is done with. */
  offerTurnMs: 20_000,
  /** Bytes of a client's hello, the one frame it sends on the receipts protocol. */
  helloBytes: 256,
  /** Bytes of a frame on the receipts protocol. */
  noticeBytes: 64 * 1024,
  /** Bytes of what is said of a sealed body in one of them; more is not passed on. */
  sealedDetailBytes: 2_048,
  /** Key agreements of its own whose details of refusals a client can read: the last ones. */
  rememberedContexts: 64,
  /** Bytes of notices that may wait for a client that reads slowly before its stream is reset. */
  noticeQueueBytes: 4 * 1024 * 1024,
  /** How long the other side may take to send a frame that is due, or to take one, ms. */
  frameMs: 10_000,
  /** How long a whole query may take, ms. */
  queryMs: 60_000,
  /** How long a query may take that mines or weighs a chain, and how often it is said meanwhile that it is worked on, ms. */
  longQueryMs: 600_000,
  workingMs: 3_000,
  /** How long a peer tries to reach another one, ms. */
  dialMs: 15_000,

  /** Messages that wait for validation. More are refused as busy. */
  validationQueue: 16_384,
  /** The share of it that one peer may take; more are refused as rate limited. Others wait behind it. */
  validationQueueOfPeer: 1_024,
  /** For how many of them a message counts whose key is new here: parsing it and agreeing on a secret takes longer. */
  newKeyWeight: 4,
  /** Messages in one job for a validation worker. */
  validationBatch: 256,
  /** How long a worker may judge one message, ms; then it is ended, and what it held is refused as busy. */
  verdictMs: 10_000,
  /** New messages of one author at the sequencer; more are refused as rate limited. */
  authorRate: { perSecond: 5_000, burst: 10_000 },
  /**
   * Messages that were taken before and that one host brings again. Past it what the host brings is looked at in turns: so
   * many bundles wait, and of more the last of the host that brought most is refused as rate limited.
   */
  takenBeforeRate: { perSecond: 1_000, burst: 20_000 },
  takenBeforeBundles: 64,
  /** Receipts given again to one author, whoever sends his messages again; more are kept back until he asks later. */
  receiptsAgainRate: { perSecond: 100, burst: 1_000 },
  /** Messages that are on disk or on their way there, but in no block yet. More are refused as busy. */
  pendingMessages: 20_000,
  /** Bytes of those that wait in the pool of a network without a sequencer. */
  pooledBytes: 64 * 1024 * 1024,
  /** Messages that wait there which one peer brought, whoever wrote them, and their bytes; more are refused as rate limited. */
  pooledOfPeer: 5_000,
  pooledBytesOfPeer: 16 * 1024 * 1024,
  /**
   * Bytes of the messages that one reorg may take out of the main chain, all written in one batch: `maxReorg` ×
   * `blockSize` × `messageBytes` of a network document must stay below.
   */
  reorgBytes: 256 * 1024 * 1024,
  /** Waiting messages up to which one is taken from gossip that is not covered yet; what it needs may be on its way. */
  uncoveredMessages: 1_000,
  /** Verified blocks that are kept beside the main chain; of more, the lightest branches are let go. */
  sideBlocks: 4_096,
  /** States after the last blocks that are kept to be asked: of so many blocks, with so many messages in them. */
  keptStates: { blocks: 128, messages: 20_000 },
  /** Blocks that are remembered as invalid, so that nothing that descends from them is looked at. */
  rememberedInvalid: 4_096,
  /** Messages written in one synced batch; also bounds the entries of one receipt. */
  journalBatch: 512,

  /** Authors whose highest sequence is kept in memory. With more, every message is looked up on disk. */
  rememberedAuthors: 100_000,

  /** Blocks a follower asks for at once, and those it may hold before they are imported. */
  syncBlocks: 32,
  syncWindow: 256,
  /** How long others may have nothing to do because one of them has not given the next block, ms. */
  overtakeMs: 2_000,
  /** Headers of one chain that are checked before its blocks are fetched. */
  syncHeaders: 500_000,
  /**
   * How long a peer among equals waits for the heads of the others, looks at the headers of one chain, and fetches the
   * blocks of the best one before it looks anew, ms. It goes on where it was.
   */
  claimMs: 5_000,
  searchMs: 5_000,
  roundMs: 60_000,
  /** How long a peer that did not show what it claimed is not asked, ms. */
  letDownMs: 10_000,
  /**
   * How long a head is left, on the hosts of those who were asked, whose headers were shown and whose blocks none of them
   * gave, ms; each time twice as long.
   */
  withheldMs: { first: 30_000, longest: 120_000 },
  /**
   * How often strangers can have the other peers asked at once, and not at the next round: by blocks that come before
   * their parents, or by coming; and how often what waits for a block is published again because they come.
   */
  wakeRate: { perSecond: 1, burst: 4 },
  welcomeRate: { perSecond: 0.2, burst: 4 },
  /** Peers that are asked for their heads, or sets, in one round; others in the next one. */
  askedPeers: 64,
  /**
   * For who verifies the chain of a peer by its headers alone, from the genesis on: headers that one peer may have
   * verified, how long that may take, and how long a page of `rangeHeaders`, ms.
   */
  chainHeaders: 4_000_000,
  chainMs: 600_000,
  chainPageMs: 30_000,
  /** Headers that are checked in one turn of the event loop. */
  headersInTurn: 8,
  /** Blocks whose parents are not known yet: in all, their bytes, those that one peer brought, and for how long, ms. */
  orphans: 512,
  orphanBytes: 64 * 1024 * 1024,
  orphansOfPeer: 64,
  orphanMs: 120_000,
  /** How often waiting messages are published once more, ms, and how many of them: the oldest. */
  republishMs: 15_000,
  republishMessages: 1_024,
  /** How often a follower asks its neighbours for their heads: what gossip lost shows then. */
  syncMs: 2_000,

  /** Blocks whose messages an audit looks at ahead of the one it judges. */
  auditAhead: 16,

  /** Bytes of a piece of evidence (the leaves of a large block), and pieces that are kept: one is enough. */
  evidenceBytes: 512 * 1024,
  evidence: 16,
  /** How often one neighbour, and all of one host, may bring what they take for evidence; more is not looked at. */
  evidenceRate: { perSecond: 0.1, burst: 16 },
  evidenceRateOfHost: { perSecond: 0.2, burst: 64 },
  /** Pieces that wait to be checked, of all neighbours; and those that proved nothing and are remembered. */
  waitingEvidence: 32,
  rememberedAlarms: 1_024,
  /** How often a client looks for a newer head, ms: while it is sending, and else. */
  headMs: { busy: 10_000, idle: 2_000 },
  /** How often it checks one of its messages against the log while it sends none, ms. */
  checkMs: 500,
  /** Looks in a row without an answer, after which it turns to another peer. */
  failedLooks: 10,
  /** How many messages it checks, one after the other, before it ends. */
  lastChecks: 512,

  /**
   * Receipts that a follower asks for because others ask it, at once, for one of them, and how often; more are refused as
   * busy. The peer before it gives a follower `queryRate`, which it needs for its blocks. And how long it waits for one, ms.
   */
  forwardedReceipts: 16,
  forwardedReceiptsOfPeer: 2,
  forwardedReceiptRate: { perSecond: 50, burst: 200 },
  forwardedReceiptMs: 5_000,
  /** Receipts that a follower remembers until their block comes; the oldest go first. */
  rememberedReceipts: 40_000,
  /** Signed headers above the chain that are remembered until it has come so far; the oldest go first. */
  rememberedHeaders: 1_000,

  /** How long an encryption key goes on opening after its successor was made, unless the sequencer is told otherwise. */
  keyGraceMs: 3_600_000,
  /** How often it is noted how much of its grace a key has had, ms: a restart goes on from there where the clock was set back. */
  keyGraceNotedMs: 10_000,
  /** How often a peer looks whether another process has taken its key, beside each time that it signs, ms. */
  keyHeldMs: 1_000,
  /** How long a certificate of an encryption key lasts, ms. The sequencer signs a new one when half of that is over. */
  certificateLifeMs: 86_400_000,
  /** How far the clocks of two peers may differ, ms: so much longer a certificate is believed. */
  clockSkewMs: 600_000,
  /** The least time after which a client asks for a newer certificate than the one it seals under, ms. */
  certificateAgainMs: 60_000,
  /** How long a follower believes that the sequencer's encryption key is still the one it knows, ms. */
  certificateMs: 5_000,

  /** How long a miner that has just started waits for another peer's chain before it mines on its own, ms. */
  aloneMs: 10_000,
  /** How long a miner searches on one draft, ms: then its messages and its time are taken anew. */
  remineMs: 1_000,
  /** Over how long a miner's hash rate is measured, and how often it is reported, ms. */
  hashRateMs: 10_000,
  /** Requests to mine that wait for their blocks, and blocks of one of them. More are refused. */
  miningRequests: { waiting: 16, blocks: 10_000 },

  /** Ids of transfers in one summary of a part of a set; of more it tells the digests of sixteen smaller parts. */
  summaryIds: 256,
  summaryParts: 16,
  /** Hex digits that more ids than that may have in common: who says that more do has not that many hashes. */
  summaryDigits: 16,
  /** Ids of transfers in one query. */
  transferIds: 100,
  /**
   * New transfers of one author, and those that one peer hands in or passes on by gossip, where nobody orders them. More
   * are refused as rate limited, or left to be fetched: what counts in the end is the same.
   */
  transferRate: { perSecond: 20, burst: 2_000 },
  transferRateOfPeer: { perSecond: 200, burst: 10_000 },
  /** Accounts in the list of one peer's set that somebody asks for; nothing but that peer's word tells how many there are. */
  listedAccounts: 1_000_000,
  /** Transfers on their way to disk. More are refused as busy. */
  unwrittenTransfers: 8_192,
  /** How often a peer of a network with no order compares its set with those of others, ms; from how many it fetches at once; how many pages of transfers from one of them; and how long that one has its turn, ms. */
  antiEntropyMs: 2_000,
  antiEntropyPeers: 4,
  antiEntropyPages: 4,
  antiEntropyTurnMs: 10_000,
  /** How often a peer is asked for what has come meanwhile by who reads its whole set; then it has failed. */
  setRounds: 32,
  /** How often a peer says what its set has come to, ms. */
  setEventMs: 250,

  /** Public keys that are kept parsed; the oldest go first. */
  cachedKeys: 10_000,
  /** Authors whose sealing sessions are kept agreed on, and sessions of one; those used, or agreed on, longest ago go first. */
  sessionAuthors: 10_000,
  sessionsOfAuthor: 4,
  /**
   * Sessions that one author has agreed on, in each validation worker; messages that begin more are refused as rate
   * limited. One takes as long as validating seven to twelve messages of a session that is known.
   */
  agreementRate: { perSecond: 1, burst: 32 },
  /** PeerIds that are known to name keys, in each thread; those that were known first go first. */
  namesOfKeys: 50_000,

  /** Messages of a client that have no receipt yet. It sends no more until receipts come. */
  clientWindow: 512,
  /** Their bytes, of which the last one may go beyond: far below `gossipQueueBytes`, so that no stream is lost. */
  clientWindowBytes: 8 * 1024 * 1024,
  /** Messages that wait in a client's outbox, sent or not. More are refused to the caller. */
  outboxMessages: 100_000,
  /** Transfers of a client that may be in no block yet; more are refused to the caller. */
  unsettledPayments: 10_000,
  /** How long a client asks what its account has, ms. */
  accountMs: 30_000,
  /** How long a client gathers messages into one bundle when they come fast, ms. */
  bundleMs: 4,
  /** First and longest wait before a message without a receipt is sent again, ms. */
  resendMs: { first: 3_000, longest: 30_000 },
  /** First and longest wait before a lost connection is dialled again, ms. */
  redialMs: { first: 100, longest: 5_000 },
  /** How long a client tries to reach its first peer, after how long it says that it waits, and for how long it waits for its last receipts, ms. */
  firstConnectionMs: 60_000,
  patienceMs: 3_000,
  lastReceiptsMs: 30_000,
  /** How long a client that is told to stop waits for the receipts of what it has sent, ms; a part of `stopMs`. */
  stoppedReceiptsMs: 2_000,
  /** How long it is waited for a message to be so many blocks deep, and how often it is looked, ms. */
  depthMs: 3_600_000,
  depthAgainMs: 1_000,
  /** How often a reader that follows a log asks for a newer head, ms. */
  followMs: 1_000,
  /** How long a peer that is told to mine may take for each block, ms. */
  mineMs: 600_000,

  /** Characters of a chat line, and bytes with its id; longer ones are rejected, and one's own are cut. */
  lineCharacters: 2_000,
  lineBytes: 8_192,
  /** Combining marks that are shown on one character. */
  lineMarks: 6,
  /** Chat lines that are remembered, so that each is shown once; the oldest go first. */
  rememberedLines: 10_000,
  /** Chat lines that one neighbour hands over, whoever wrote them; more are dropped. One's own: with more the input waits. */
  lineRate: { perSecond: 100, burst: 1_000 },
  /** All lines that leave here, of whichever neighbours, and one's own: less than a neighbour takes, who may get them in jolts. */
  passedLineRate: { perSecond: 80, burst: 800 },
  /** Lines that wait until they may be passed on; of more, the last of the host that brought most is dropped. */
  waitingLines: 2_000,
  /** How long a chat line waits for somebody to hear it, ms. */
  holdLineMs: 3_000,
  /** How long a chat may take to enter the room of a peer that has answered, ms. */
  joinMs: 10_000,
  /** Neighbours in a room; with fewer a peer looks for others. */
  roomNeighbours: 6,
  /** Addresses of others in a room that are known; of more, those of the neighbour that told most go first. */
  knownAddresses: 64,
  /** Addresses that are told to one who asks, and that he says he listens at. */
  toldAddresses: 16,
  /** Bytes of either. */
  addressesBytes: 4_096,
  /** Streams on which one connection may ask for addresses at once. */
  addressStreams: 4,
  /**
   * Tries to reach an address that a neighbour told of; then it is not tried for so long, ms, even if other neighbours tell of it. So many
   * of those are remembered, the oldest go first.
   */
  addressTries: 3,
  addressAgainMs: 600_000,
  givenUpAddresses: 1_024,
  /** How often a peer with few neighbours in a room asks them for others, ms. One with none dials again by `redialMs`. */
  askAddressesMs: 10_000,
  /** Bytes of a line of standard input: of a chat, and of a client, whose messages may have 1,047,552. Longer lines are told and not sent. */
  inputLineBytes: 65_536,
  /** Lines typed in a chat that wait until those before them are said; then the keyboard waits, too. */
  typedLines: 1_000,
  messageLineBytes: 8 * 1024 * 1024,
  /** Bytes of a peer's output for people that may wait for its reader; lines beyond them are not shown. */
  unshownBytes: 1024 * 1024,
  /** The same of events for a program (`--json`). */
  unshownEventBytes: 64 * 1024 * 1024,

  /** How long a stopping peer may take, ms. */
  stopMs: 5_000,

  /** Nodes of a managed network, each of them a process. */
  managedNodes: 50,
  /** How often the network manager asks each node how it does, and how long one may leave that unanswered, ms. */
  statusMs: 1_000,
  silentMs: 3_000,
  /** How long the nodes of a new network may take to know one another, ms. */
  meetMs: 60_000,
  /** How long the network manager may take to stop all nodes, ms; then they are killed. */
  managerStopMs: 30_000,
  /** On its control socket: connections at once, bytes of a line, and how long an answer may take, ms. */
  controlConnections: 16,
  controlBytes: 64 * 1024,
  controlMs: 120_000
} as const
