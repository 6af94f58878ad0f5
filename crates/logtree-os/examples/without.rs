//! Runs a program as on a system that lacks some calls, by a seccomp(2) filter:
//!
//! `cargo run -p logtree-os --example without -- ENOSYS membarrier,pidfd_open PROGRAM [ARGUMENT…]`
//!
//! Containers' filters answer EPERM or ENOSYS to what they do not know; old kernels answer ENOSYS.
#![allow(clippy::print_stderr)]

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [error, calls, program, rest @ ..] = arguments.as_slice() else {
        eprintln!("usage: without ENOSYS|EPERM CALL,… PROGRAM [ARGUMENT…]");
        return 2.into();
    };
    let error = match error.as_str() {
        "ENOSYS" => libc::ENOSYS,
        "EPERM" => libc::EPERM,
        other => {
            eprintln!("'{other}' is neither ENOSYS nor EPERM");
            return 2.into();
        }
    };
    let mut numbers = Vec::new();
    for call in calls.split(',') {
        match number(call) {
            Some(number) => numbers.push(number),
            None => {
                eprintln!("the call '{call}' is not known here");
                return 2.into();
            }
        }
    }
    if let Err(error) = deny(&numbers, error) {
        eprintln!("no filter can be set here: {error}");
        return 77.into();
    }
    let failed = std::os::unix::process::CommandExt::exec(std::process::Command::new(program).args(rest));
    eprintln!("{program}: {failed}");
    1.into()
}

#[cfg(target_os = "linux")]
fn number(call: &str) -> Option<libc::c_long> {
    Some(match call {
        "clone" => libc::SYS_clone,
        "clone3" => libc::SYS_clone3,
        "close_range" => libc::SYS_close_range,
        "fallocate" => libc::SYS_fallocate,
        "madvise" => libc::SYS_madvise,
        "membarrier" => libc::SYS_membarrier,
        "prlimit64" => libc::SYS_prlimit64,
        "pidfd_open" => libc::SYS_pidfd_open,
        "renameat2" => libc::SYS_renameat2,
        "get_robust_list" => libc::SYS_get_robust_list,
        "set_robust_list" => libc::SYS_set_robust_list,
        _ => return None,
    })
}

/// Has the kernel answer `error` to these calls of this process from now on, and of all that it will become or make.
#[cfg(target_os = "linux")]
pub(crate) fn deny(numbers: &[libc::c_long], error: libc::c_int) -> std::io::Result<()> {
    let code = |class: u32| class as u16;
    let is_number = |number: libc::c_long, otherwise: u8| libc::sock_filter {
        code: code(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K),
        jt: 0,
        jf: otherwise,
        k: number as u32,
    };
    let answer = |what: u32| libc::sock_filter { code: code(libc::BPF_RET | libc::BPF_K), jt: 0, jf: 0, k: what };
    // `struct seccomp_data` begins with the call's number.
    let mut program =
        vec![libc::sock_filter { code: code(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS), jt: 0, jf: 0, k: 0 }];
    for &number in numbers {
        program.push(is_number(number, 1));
        program.push(answer(libc::SECCOMP_RET_ERRNO | error as u32));
    }
    program.push(answer(libc::SECCOMP_RET_ALLOW));
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: numbers only.
    if unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) } != 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: the filter and its instructions live until the call returns, which copies them.
    match unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {}
