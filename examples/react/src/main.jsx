import { useState } from "react";
import { createRoot } from "react-dom/client";
import "nibble-mrz/elements";

function App() {
  const [text, setText] = useState("Nothing read yet.");
  return (
    <>
      <mrz-file
        language="en"
        onreading={({ detail }) => setText(detail.result.lines.join("\n"))}
        ontrouble={({ detail }) => setText(`${detail.code}: ${detail.message}`)}
      />
      <pre id="result">{text}</pre>
    </>
  );
}

createRoot(document.getElementById("app")).render(<App />);
