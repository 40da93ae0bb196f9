// Ids by name and not by number: numbers depend on the folder of the build, and the same sources would have other bytes.
module.exports = {
  optimization: { moduleIds: 'named', chunkIds: 'named' }
};
