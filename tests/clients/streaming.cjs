// Send a file of 16 kHz PCM with the vendor's JavaScript SDK; print each event as a line of JSON.
const fs = require("fs");
const { AssemblyAI } = require("assemblyai");

const [url, path] = process.argv.slice(2);
const CHUNK_BYTES = 3200;

async function main() {
  const client = new AssemblyAI({ apiKey: "any" });
  const transcriber = client.streaming.transcriber({
    websocketBaseUrl: url,
    sampleRate: 16000,
    formatTurns: true,
    connectTimeout: 60000,
  });
  const print = (event, fields) => console.log(JSON.stringify({ event, ...fields }));
  transcriber.on("open", ({ id }) => print("open", { id }));
  transcriber.on("speechStarted", ({ timestamp }) => print("speechStarted", { timestamp }));
  transcriber.on("turn", (turn) => print("turn", turn));
  transcriber.on("warning", (warning) => print("warning", warning));
  transcriber.on("error", (error) => print("error", { message: error.message }));
  await transcriber.connect();
  const audio = fs.readFileSync(path);
  for (let at = 0; at < audio.length; at += CHUNK_BYTES) {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    audio.copy(chunk, 0, at, at + CHUNK_BYTES);
    transcriber.sendAudio(chunk);
  }
  await transcriber.close(true, 60000);
  print("closed", {});
}

main().catch((error) => {
  console.log(JSON.stringify({ event: "failed", message: error.message }));
  process.exit(1);
});
