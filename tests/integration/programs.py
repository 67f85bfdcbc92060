"""The same programs in every language: what each kind does stands in KINDS."""

KINDS = {
    "hello": 'prints "héllo ✓ 世界"',
    "reverse": "reads one line of stdin and prints it backwards",
    "arguments": "prints its arguments, one a line",
    "wrong": "does not compile: an unknown name on line 3",
    "fails": "writes to both streams and exits with 3",
    "spins": "never ends, uses CPU time",
    "sleeps": "never ends, uses none",
    "hogs": "takes memory until it is stopped",
    "bomb": "makes processes or threads until it is refused one, then exits with 1",
    "floods": "prints for ever",
    "kills": "kills itself with SIGKILL",
}

C = {
    "hello": '#include <stdio.h>\nint main(void) { puts("héllo ✓ 世界"); }\n',
    "reverse": '#include <stdio.h>\n#include <string.h>\nint main(void) { char b[99]; fgets(b, 99, stdin);'
               ' for (int i = (int)strcspn(b, "\\n") - 1; i >= 0; i--) putchar(b[i]); putchar(10); }\n',
    "arguments": '#include <stdio.h>\nint main(int n, char **v) { for (int i = 1; i < n; i++) puts(v[i]); }\n',
    "wrong": "int main(void)\n{\n    return nothing_of_that_name;\n}\n",
    "fails": '#include <stdio.h>\nint main(void) { puts("out"); fputs("err\\n", stderr); return 3; }\n',
    "spins": "int main(void) { for (volatile int i = 0;; i++) ; }\n",
    "sleeps": "#include <unistd.h>\nint main(void) { for (;;) pause(); }\n",
    "hogs": "#include <stdlib.h>\n#include <string.h>\nint main(void) { for (;;) {"
            " char *p = malloc(1 << 20); if (p) memset(p, 1, 1 << 20); } }\n",
    "bomb": "#include <unistd.h>\nint main(void) { for (;;) { pid_t p = fork();"
            " if (p < 0) return 1; if (p == 0) for (;;) pause(); } }\n",
    "floods": '#include <stdio.h>\nint main(void) { for (;;) puts("all work and no play"); }\n',
    "kills": "#include <signal.h>\nint main(void) { raise(SIGKILL); }\n",
}


def csharp(body, using=""):
    return f"using System;{using}\nclass Program {{\n    {body}\n}}\n"


CSHARP = {
    "hello": csharp('static void Main() { Console.WriteLine("héllo ✓ 世界"); }'),
    "reverse": csharp("static void Main() { var c = Console.ReadLine().ToCharArray(); Array.Reverse(c);"
                      " Console.WriteLine(new string(c)); }"),
    "arguments": csharp("static void Main(string[] a) { foreach (var s in a) Console.WriteLine(s); }"),
    "wrong": csharp("static void Main() { Console.WriteLine(nothing_of_that_name); }"),
    "fails": csharp('static int Main() { Console.WriteLine("out"); Console.Error.WriteLine("err"); return 3; }'),
    "spins": csharp("static void Main() { for (;;) ; }"),
    "sleeps": csharp("static void Main() { System.Threading.Thread.Sleep(-1); }"),
    "hogs": csharp("static void Main() { var l = new System.Collections.Generic.List<byte[]>();"
                   " for (;;) { var b = new byte[1 << 20]; for (int i = 0; i < b.Length; i += 4096) b[i] = 1;"
                   " l.Add(b); } }"),
    "bomb": csharp("static int Main() { try { for (;;) { var t = new System.Threading.Thread("
                   "() => System.Threading.Thread.Sleep(-1), 65536); t.IsBackground = true; t.Start(); } }"
                   " catch (Exception) { Environment.Exit(1); } return 1; }"),
    "floods": csharp('static void Main() { for (;;) Console.WriteLine("all work and no play"); }'),
    "kills": csharp('[System.Runtime.InteropServices.DllImport("libc")] static extern int getpid();'
                    ' [System.Runtime.InteropServices.DllImport("libc")] static extern int kill(int p, int s);'
                    " static void Main() { kill(getpid(), 9); }"),
}

PYTHON = {
    "hello": "print('héllo ✓ 世界')\n",
    "reverse": "print(input()[::-1])\n",
    "arguments": "import sys\nfor word in sys.argv[1:]:\n    print(word)\n",
    "wrong": "x = 1\nif x:\n    print(x\n",
    "fails": "import sys\nprint('out')\nprint('err', file=sys.stderr)\nsys.exit(3)\n",
    "spins": "while True:\n    pass\n",
    "sleeps": "import time\nwhile True:\n    time.sleep(1000)\n",
    "hogs": "kept = []\nwhile True:\n    kept.append(b'x' * (1 << 20))\n",
    "bomb": "import os, signal, sys\nwhile True:\n    try:\n        if os.fork() == 0:\n"
            "            while True:\n                signal.pause()\n    except OSError:\n        sys.exit(1)\n",
    "floods": "while True:\n    print('all work and no play')\n",
    "kills": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n",
}


def go(body, *imports):
    lines = "".join(f'import "{name}"\n' for name in imports)
    return f"package main\n{lines}func main() {{\n{body}\n}}\n"


GO = {
    "hello": go('fmt.Println("héllo ✓ 世界")', "fmt"),
    "reverse": go('var s string; fmt.Scanln(&s); for i := len(s) - 1; i >= 0; i-- { fmt.Printf("%c", s[i]) }'
                  "; fmt.Println()", "fmt"),
    "arguments": go("for _, s := range os.Args[1:] { fmt.Println(s) }", "fmt", "os"),
    "wrong": go("_ = nothing_of_that_name"),
    "fails": go('fmt.Println("out"); fmt.Fprintln(os.Stderr, "err"); os.Exit(3)', "fmt", "os"),
    "spins": go("for { }"),
    "sleeps": go("for { time.Sleep(time.Hour) }", "time"),
    "hogs": go("var kept [][]byte; for { b := make([]byte, 1<<20); for i := 0; i < len(b); i += 4096 { b[i] = 1 };"
               " kept = append(kept, b) }"),
    # A thread for each: the runtime ends the program with code 2 when it gets no more.
    "bomb": go("for { go func() { runtime.LockOSThread(); syscall.Pause() }(); runtime.Gosched() }",
               "runtime", "syscall"),
    "floods": go('for { fmt.Println("all work and no play") }', "fmt"),
    "kills": go("syscall.Kill(syscall.Getpid(), syscall.SIGKILL); select {}", "syscall"),
}

ALL = {"c": C, "csharp": CSHARP, "python": PYTHON, "go": GO}
# What the compiler (or the interpreter) says to "wrong".
WORDS = {"c": "undeclared", "csharp": "CS0103", "python": "SyntaxError", "go": "undefined"}
# A limit that a program which does nothing stays well below, in MiB.
MEMORY = {"c": 32, "csharp": 96, "python": 48, "go": 64}
