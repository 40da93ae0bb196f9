// Files that a bundler gives as text.
module.exports = {
  process: text => ({ code: `module.exports = ${JSON.stringify(text)};` })
};
