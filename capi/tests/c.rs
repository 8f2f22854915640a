//! A program in C, compiled against `include/nibble.h` and linked with the library both ways, gets
//! the integers that Rust gets.

use std::path::{Path, PathBuf};
use std::process::Command;

use nibble_core::graph::{Graph, Input, Runner, Values};

const MODEL: &str = "../examples/digits/digits.safetensors";

/// The folder where cargo leaves the libraries: that of this test.
fn libraries() -> PathBuf {
    let mut folder = std::env::current_exe().expect("a test has a path");
    folder.pop();
    folder
}

/// What the program must print.
fn expected(image: &[u8]) -> String {
    let file = std::fs::read(MODEL).expect("a committed model");
    let mut runner = Runner::new(Graph::parse(&file).expect("a model")).expect("checked");
    let outputs = runner.run(&[Input::bytes(image, 8, 8)]).expect("suits");
    let Values::Sums(scores) = outputs.at(0).values else { panic!("scores are sums") };
    let scores: String = scores.iter().map(|score| format!("{score}\n")).collect();
    format!("image 8 8 1 -> scores\n{scores}")
}

fn compiled(library: &[&str], to: &Path) {
    let libraries = libraries();
    let mut cc = Command::new("cc");
    cc.args(["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Iinclude"]);
    cc.arg("tests/program.c").arg("-o").arg(to).arg("-L").arg(&libraries);
    cc.arg(format!("-Wl,-rpath,{}", libraries.display())).args(library);
    let status = cc.args(["-lm", "-lpthread", "-ldl"]).status().expect("a compiler named cc");
    assert!(status.success(), "cc: {status}");
}

/// A folder for a test, an image, and the file of the image in the folder.
fn prepared(name: &str) -> (PathBuf, Vec<u8>, PathBuf) {
    let folder = std::env::temp_dir().join(format!("nibble-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    let image: Vec<u8> = (0..64u8).map(|at| at.wrapping_mul(151) ^ at).collect();
    let picture = folder.join("image");
    std::fs::write(&picture, &image).expect("a temporary file");
    (folder, image, picture)
}

#[test]
fn a_program_in_c_gets_the_same_integers() {
    if cfg!(not(all(target_os = "linux", target_env = "gnu"))) {
        // `cargo xtask capi` builds for musl, with a compiler of its own.
        return;
    }
    let (folder, image, picture) = prepared("capi");
    let archive = libraries().join("libnibble.a");
    for (name, library) in
        [("static", archive.to_str().expect("a path of text")), ("dynamic", "-lnibble")]
    {
        let program = folder.join(name);
        compiled(&[library], &program);
        let output = Command::new(&program).arg(MODEL).arg(&picture).output().expect("it runs");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {}: {text}", output.status);
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected(&image), "{name}");
    }
    std::fs::remove_dir_all(&folder).expect("its own folder");
}

/// The folder of the Java development kit: where `javac` lies.
fn java_home() -> Option<PathBuf> {
    let output = Command::new("java").args(["-XshowSettings:properties", "-version"]).output();
    let text = String::from_utf8(output.ok()?.stderr).ok()?;
    let line = text.lines().find_map(|line| line.trim().strip_prefix("java.home = "))?;
    let home = PathBuf::from(line);
    (home.join("bin/javac").exists() && home.join("include/jni.h").exists()).then_some(home)
}

#[test]
fn a_program_on_the_jvm_gets_the_same_integers() {
    if cfg!(not(all(target_os = "linux", target_env = "gnu"))) {
        return;
    }
    let Some(home) = java_home() else {
        assert!(std::env::var_os("NIBBLE_REQUIRE_JAVA").is_none(), "there is no JDK");
        println!("skipped: there is no Java development kit (Debian: openjdk-17-jdk-headless)");
        return;
    };
    let (folder, image, picture) = prepared("jni");
    let mut cc = Command::new("cc");
    cc.args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-Iinclude", "-I"]);
    cc.arg(home.join("include")).arg("-I").arg(home.join("include/linux"));
    cc.arg("tests/nibble_jni.c").arg(libraries().join("libnibble.a")).arg("-o");
    cc.arg(folder.join("libdigits.so")).args(["-lm", "-lpthread", "-ldl"]);
    assert!(cc.status().expect("a compiler named cc").success());
    let mut javac = Command::new(home.join("bin/javac"));
    javac.arg("-d").arg(&folder).arg("tests/Digits.java");
    assert!(javac.status().expect("it is there").success());
    let mut java = Command::new(home.join("bin/java"));
    java.arg(format!("-Djava.library.path={}", folder.display())).arg("-Xcheck:jni");
    java.arg("-cp").arg(&folder).args(["org.example.Digits", MODEL]).arg(&picture);
    let output = java.output().expect("it runs");
    let (text, errors) = (output.stdout, String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}: {errors}", output.status);
    let wanted = expected(&image);
    let scores = wanted.split_once('\n').expect("a line").1;
    let text = String::from_utf8(text).expect("text");
    assert_eq!(text, format!("{scores}input `image`: the graph wants another size\n"));
    std::fs::remove_dir_all(&folder).expect("its own folder");
}
