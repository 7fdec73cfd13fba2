import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/parts.css";
import "./styles/screens.css";

import { render } from "preact";
import { App } from "./app";
import { applyTheme, theme } from "./preferences";

applyTheme(theme());
const root = document.getElementById("app");
if (root !== null) render(<App />, root);
