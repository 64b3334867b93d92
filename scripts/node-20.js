// Put before each part of a bundle (scripts/bundle.js): js-libp2p 3 needs what Node 20 lacks.
import 'core-js/actual/promise/with-resolvers.js'
